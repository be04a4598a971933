// `node half-close-client.mjs PROXY-PORT HOST PORT`: sends a text through SOCKS5, ends its own
// direction, and prints what still comes.
import { SocksClient } from 'socks';
import { text } from 'node:stream/consumers';

const [, , proxyPort, host, port] = process.argv;
const { socket } = await SocksClient.createConnection({
  proxy: { host: '127.0.0.1', port: Number(proxyPort), type: 5 },
  command: 'connect',
  destination: { host, port: Number(port) },
});
socket.allowHalfOpen = true;
socket.end('all of it');
process.stdout.write(await text(socket));
