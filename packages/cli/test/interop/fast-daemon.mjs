/**
 * Serves an interface like `litz -f IFNAME`, with the clock of fast-clock.mjs.
 *
 *   fast-daemon.mjs IFNAME
 */
import { Device, UapiServer } from '@litz/device';

const [, , name] = process.argv;
const device = await Device.create({
  tun: name,
  up: false,
  crypto: { module: new URL('fast-clock.mjs', import.meta.url).href, export: 'provider' },
});
await UapiServer.listen(device, { path: UapiServer.path(name) });
