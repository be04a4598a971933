// A SOCKS5 client that is not part of Litz. `node udp-client.mjs PROXY-PORT HOST PORT TEXT` sends
// TEXT in a datagram through the proxy, and prints the answer and its source.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { SocksClient } from 'socks';

const [, , proxyPort, host, port, text] = process.argv;
const { remoteHost: relay, socket: control } = await new Promise((resolve, reject) => {
  const client = new SocksClient({
    proxy: { host: '127.0.0.1', port: Number(proxyPort), type: 5 },
    command: 'associate',
    destination: { host: '0.0.0.0', port: 0 },
  });
  client.on('established', resolve).on('error', reject);
  client.connect();
});
const socket = createSocket('udp4');
const remoteHost = { host, port: Number(port) };
const frame = SocksClient.createUDPFrame({ remoteHost, data: Buffer.from(text) });
socket.send(frame, relay.port, relay.host);
const [answer] = await once(socket, 'message');
const { data, remoteHost: source } = SocksClient.parseUDPFrame(answer);
process.stdout.write(`${String(data)} from ${source.host}:${source.port}`);
socket.close();
control.destroy();
