/**
 * Listens on the socket of a hand-over, as a daemon does, until the standard input ends. Prints
 * 'listens', and then what the process that has connected sends.
 *
 *   foreign-socket.mjs PATH
 */
import { UnixListener } from '@litz/sys';

const listener = new UnixListener(process.argv[2]);
process.stdout.write('listens\n');
process.stdin.on('end', () => process.exit()).resume();
setInterval(() => {
  const channel = listener.accept();
  if (!channel) return;
  const received = channel.wait(2000) ? channel.receive() : 'nothing';
  const text = typeof received === 'string' ? received : new TextDecoder().decode(received.bytes);
  process.stdout.write(`got ${text}\n`);
}, 10);
