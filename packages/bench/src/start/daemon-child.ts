/**
 * Runs a daemon until SIGTERM: `daemon-child.js true|false INTERFACE`. The first argument says
 * whether the daemon warms up. The file exports nothing.
 *
 * @module
 */
import { once } from 'node:events';
import { Device, UapiServer } from '@litz/device';

const [warmUp, tun = ''] = process.argv.slice(2);
const device = await Device.create({ tun, up: false, warmUp: warmUp === 'true' });
const server = await UapiServer.listen(device, { path: UapiServer.path(tun) });
await once(process, 'SIGTERM');
await server.close();
await device.close();
