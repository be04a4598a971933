/**
 * Moves known bytes over a path and compares them; run inside a test's namespace.
 *
 *   transfer.mjs receive ADDRESS PORT            one TCP connection; prints the SHA-256 of what came
 *   transfer.mjs send ADDRESS PORT BYTES         sends BYTES pseudo-random bytes; prints their SHA-256
 *   transfer.mjs echo ADDRESS PORT               answers every UDP datagram with its own bytes
 *   transfer.mjs datagrams ADDRESS PORT COUNT BYTES   sends, waits for each echo, prints how many were equal
 */
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, createServer, isIPv6 } from 'node:net';

const [, , role, address, port, first, second] = process.argv;

/** Reproducible bytes that do not compress: xorshift32. */
function pseudoRandomBytes(length) {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = 0x9e3779b9;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return Buffer.from(words.buffer, 0, length);
}

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

const roles = {
  receive() {
    const server = createServer((socket) => {
      const hash = createHash('sha256');
      socket.on('data', (chunk) => hash.update(chunk));
      socket.on('end', () => {
        process.stdout.write(`${hash.digest('hex')}\n`);
        socket.end();
        server.close();
      });
    });
    server.listen(Number(port), address, () => process.stdout.write('listening\n'));
  },
  send() {
    const bytes = pseudoRandomBytes(Number(first));
    const socket = connect(Number(port), address, () => socket.end(bytes));
    socket.on('close', () => process.stdout.write(`${sha256(bytes)}\n`));
    socket.resume();
  },
  echo() {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    socket.on('message', (bytes, from) => socket.send(bytes, from.port, from.address));
    socket.bind(Number(port), address, () => process.stdout.write('listening\n'));
  },
  datagrams() {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    const bytes = pseudoRandomBytes(Number(second));
    let equal = 0;
    let sent = 0;
    const next = () => {
      if (sent++ === Number(first)) {
        process.stdout.write(`${equal}\n`);
        process.exit();
      }
      socket.send(bytes, Number(port), address);
      timer = setTimeout(next, 1000);
    };
    let timer;
    socket.on('message', (answer) => {
      if (answer.equals(bytes)) equal++;
      clearTimeout(timer);
      next();
    });
    next();
  },
};
roles[role]();
