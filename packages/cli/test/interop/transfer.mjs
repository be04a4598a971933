/**
 * Sends or receives bytes over TCP and prints their SHA-256, which the test compares. Runs inside a
 * namespace of a test.
 *
 *   transfer.mjs receive ADDRESS PORT      accepts one connection; prints the SHA-256 of its bytes
 *   transfer.mjs send ADDRESS PORT BYTES   sends BYTES pseudo-random bytes; prints their SHA-256
 */
import { createHash } from 'node:crypto';
import { connect, createServer } from 'node:net';

const [, , role, address, port, length] = process.argv;

/** Returns reproducible bytes that do not compress (xorshift32). */
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
    const bytes = pseudoRandomBytes(Number(length));
    const socket = connect(Number(port), address, () => socket.end(bytes));
    socket.on('close', () => process.stdout.write(`${sha256(bytes)}\n`));
    socket.resume();
  },
};
roles[role]();
