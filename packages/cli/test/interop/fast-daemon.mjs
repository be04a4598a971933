/**
 * Serves an interface as `litz -f IFNAME` does, on the clock of fast-clock.mjs.
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
