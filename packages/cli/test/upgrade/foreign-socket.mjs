/**
 * Listens on the socket of a hand-over, as a daemon does, until the standard input ends. Every user
 * may connect. Prints 'listens', and then what the process that has connected sends.
 *
 *   foreign-socket.mjs PATH
 */
import { chmodSync } from 'node:fs';
import { UnixListener } from '@litz/sys';

const [, , path] = process.argv;
const listener = new UnixListener(path);
chmodSync(path, 0o666);
process.stdout.write('listens\n');
process.stdin.on('end', () => process.exit()).resume();
setInterval(() => {
  const channel = listener.accept();
  if (!channel) return;
  const received = channel.wait(2000) ? channel.receive() : 'nothing';
  const text = typeof received === 'string' ? received : new TextDecoder().decode(received.bytes);
  process.stdout.write(`got ${text}\n`);
}, 10);
