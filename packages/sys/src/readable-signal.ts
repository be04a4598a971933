/**
 * `onReadable`: tells when a socket has something to read that Node's event loop can't watch, such as a
 * netlink socket.
 *
 * The kernel sends SIGIO (fcntl(2), O_ASYNC), and Node's own signal handling brings that to the event
 * loop. No thread waits, and nothing is done at intervals. Signals coalesce: whoever is called reads
 * until there is nothing left. SIGIO belongs to Litz from the first call on.
 *
 * @module
 */
import { checkDescriptor, checkFunction } from './arguments.ts';
import { libc } from './libc.ts';
import { check } from './system-error.ts';

const F_GETFL = 3;
const F_SETFL = 4;
const F_SETOWN = 8;
const O_ASYNC = 0o20000;

const listeners = new Map<number, () => void>();
let isInstalled = false;

/**
 * Calls `listener` when `fd` may have got something to read, also when that was another descriptor. It
 * doesn't keep the process alive. Only the main thread hears signals.
 *
 * @returns ends it; to be called before the descriptor is closed
 * @throws {SystemError} EBADF: it is closed
 */
export function onReadable(fd: number, listener: () => void): () => void {
  checkDescriptor('fd', fd);
  checkFunction('listener', listener);
  install();
  const flags = check(libc().fcntl(fd, F_GETFL, 0), 'fcntl');
  check(libc().fcntl(fd, F_SETOWN, process.pid), 'fcntl');
  check(libc().fcntl(fd, F_SETFL, flags | O_ASYNC), 'fcntl');
  listeners.set(fd, listener);
  // What came before is told by no signal.
  setImmediate(() => {
    if (listeners.get(fd) === listener) listener();
  });
  return () => {
    if (listeners.get(fd) !== listener) return;
    listeners.delete(fd);
    const now = libc().fcntl(fd, F_GETFL, 0);
    if (now >= 0) libc().fcntl(fd, F_SETFL, now & ~O_ASYNC);
  };
}

/** For good: without a handler, a signal that is still on its way would end the process. */
function install(): void {
  if (isInstalled) return;
  isInstalled = true;
  process.on('SIGIO', () => {
    for (const listener of listeners.values()) listener();
  });
}
