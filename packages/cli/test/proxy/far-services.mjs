// Servers behind the tunnel: `node far-services.mjs FOLDER ADDRESS`. Prints `ready` when all
// listen.
//
//   80    HTTP: the files of FOLDER; /headers answers with the header fields of the request
//   443   the same with TLS, certificate FOLDER/cert.pem
//   7     TCP: sends back what it gets, and ends when its client has ended
//   5300  UDP: sends datagrams back
//   53    DNS: NAME.inside has the address ADDRESS; other names do not exist
import { createSocket } from 'node:dgram';
import { readFileSync, statSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { createServer } from 'node:net';
import { join } from 'node:path';

const [, , folder, address] = process.argv;

function answer(request, response) {
  if (request.url === '/headers') return response.end(JSON.stringify(request.headers));
  const file = join(folder, decodeURIComponent(request.url.split('?')[0]));
  const isFile = file.startsWith(folder) && statSync(file, { throwIfNoEntry: false })?.isFile();
  if (!isFile) return response.writeHead(404).end();
  return response.end(readFileSync(file));
}

function answerName(query, source) {
  let end = 12;
  const labels = [];
  while (query[end] !== 0) {
    labels.push(query.toString('latin1', end + 1, end + 1 + query[end]));
    end += query[end] + 1;
  }
  const question = query.subarray(12, end + 5);
  const isKnown = labels.at(-1)?.toLowerCase() === 'inside';
  const isIpv4 = query.readUInt16BE(end + 1) === 1;
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  header.writeUInt16BE(isKnown ? 0x8180 : 0x8183, 2);
  header.writeUInt16BE(1, 4);
  const hasAnswer = isKnown && isIpv4;
  header.writeUInt16BE(hasAnswer ? 1 : 0, 6);
  const record = Buffer.from([
    0xc0,
    12,
    0,
    1,
    0,
    1,
    0,
    0,
    0,
    60,
    0,
    4,
    ...address.split('.').map(Number),
  ]);
  names.send(
    Buffer.concat(hasAnswer ? [header, question, record] : [header, question]),
    source.port,
    source.address,
  );
}

const [cert, key] = ['cert.pem', 'key.pem'].map((name) => readFileSync(join(folder, name)));
const names = createSocket('udp4').on('message', answerName);
const echo = createSocket('udp4').on('message', (bytes, { port, address: to }) =>
  echo.send(bytes, port, to),
);
const servers = [
  [createHttp(answer), 80],
  [createHttps({ cert, key }, answer), 443],
  [createServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => {}).pipe(socket)), 7],
];
await Promise.all([
  ...servers.map(
    ([server, port]) => new Promise((resolve) => server.listen(port, address, resolve)),
  ),
  new Promise((resolve) => names.bind(53, address, resolve)),
  new Promise((resolve) => echo.bind(5300, address, resolve)),
]);
process.stdout.write('ready\n');
