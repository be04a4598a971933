/**
 * A server of node:http that can be reached only through a tunnel. It listens on no TCP port of the
 * machine, so it also works behind NAT and a firewall. `PersistentKeepalive` in the wg-quick file
 * keeps the NAT mapping alive, so that the peer's datagrams arrive.
 *
 * Usage: node main.js FILE.conf [PORT]
 *
 * @module
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Network } from '@litz/net';

const [file = 'wg0.conf', port = '80'] = process.argv.slice(2);

const network = await Network.open(file);
const server = createServer((request, response) => {
  // In the tunnel, an address belongs to one key. So the address says who is asking.
  response.end(`hello ${request.socket.remoteAddress}, this is ${network.addresses[0]}\n`);
});
await network.serve(server, { port: Number(port) });
console.log(`http://${network.addresses[0]}:${port}/ is ready`);

await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
server.close();
await network.close();
