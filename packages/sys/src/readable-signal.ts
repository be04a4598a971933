/**
 * `onReadable`: reports when a socket is readable. It is for sockets that Node's event loop cannot
 * watch, such as netlink sockets.
 *
 * The kernel sends SIGIO (fcntl(2), O_ASYNC), and the signal handling of Node.js passes it to the
 * event loop. No thread waits, and nothing runs at intervals. Signals coalesce, so a listener must
 * read until there is nothing left. From the first call on, Litz uses SIGIO for itself.
 *
 * @module
 */
import { checkDescriptor, checkFunction } from './arguments.ts';
import { libc } from './libc.ts';
import { check } from './system-error.ts';

const listeners = new Map<number, () => void>();
let isInstalled = false;

/**
 * Calls `listener` when `fd` may be readable, and also when another watched descriptor has become
 * readable. This does not keep the process alive. Works only in the main thread, because only that
 * thread gets signals.
 *
 * @returns a function that stops this; call it before the descriptor is closed
 * @throws {SystemError} EBADF: the descriptor is closed
 */
export function onReadable(fd: number, listener: () => void): () => void {
  checkDescriptor('fd', fd);
  checkFunction('listener', listener);
  install();
  const flags = check(libc().fcntl(fd, F_GETFL, 0), 'fcntl');
  check(libc().fcntl(fd, F_SETOWN, process.pid), 'fcntl');
  check(libc().fcntl(fd, F_SETFL, flags | O_ASYNC), 'fcntl');
  listeners.set(fd, listener);
  // No signal is sent for data that arrived earlier, so the listener is called once.
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

/**
 * Installs the signal handler for good. Without a handler, a signal that is still pending would end
 * the process.
 */
function install(): void {
  if (isInstalled) return;
  isInstalled = true;
  process.on('SIGIO', () => {
    for (const listener of listeners.values()) listener();
  });
}

const F_GETFL = 3;
const F_SETFL = 4;
const F_SETOWN = 8;
const O_ASYNC = 0o20000;
