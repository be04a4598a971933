/**
 * The server's node: a device, and Node's HTTP server on its address in the tunnel. It is told the
 * device's options, says when it is ready, and ends when nobody listens to it any more.
 *
 * @module
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Device, type DeviceOptions } from '@litz/device';

const [options] = (await once(process, 'message')) as [DeviceOptions];
const device = await Device.create(options);

const server = createServer((request, response) => {
  // Who asks is known by the address: in the tunnel it belongs to a key.
  response.setHeader('x-client', request.socket.remoteAddress ?? '');
  // What is sent comes back.
  request.pipe(response);
});
server.listen(8080, '10.88.0.2');
await once(server, 'listening');
process.send?.('ready');

await once(process, 'disconnect');
server.close();
server.closeAllConnections();
await device.close();
