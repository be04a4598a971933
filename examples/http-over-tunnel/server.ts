/**
 * The server's node: a device, and Node's HTTP server on the device's address in the tunnel. The
 * parent process sends the options of the device. The server reports to the parent when it is
 * ready, and ends when the parent disconnects.
 *
 * @module
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Device, type DeviceOptions } from '@litz/device';

const [options] = (await once(process, 'message')) as [DeviceOptions];
const device = await Device.create(options);

const server = createServer((request, response) => {
  // The address identifies the client: in the tunnel, an address belongs to one key.
  response.setHeader('x-client', request.socket.remoteAddress ?? '');
  // The body of the request is sent back.
  request.pipe(response);
});
server.listen(8080, '10.88.0.2');
await once(server, 'listening');
process.send?.('ready');

await once(process, 'disconnect');
server.close();
server.closeAllConnections();
await device.close();
