/**
 * `ReadableSignal` and `onReadable`: report when a socket is readable. They are for sockets that
 * Node's event loop cannot watch, such as netlink sockets and batched UDP sockets.
 *
 * The kernel sends SIGIO (fcntl(2), O_ASYNC), and the signal handling of Node.js passes it to the
 * event loop. No thread waits, and nothing runs at intervals. Several signals can become one, so a
 * listener must read until there is nothing left. From the first use on, no other code of the
 * process may use SIGIO.
 *
 * @module
 */
import { checkDescriptor, checkFunction } from './arguments.ts';
import { libc } from './libc.ts';
import { check } from './system-error.ts';

/**
 * Calls a listener when a socket may be readable, and also when another watched socket has become
 * readable. The object does not keep the process alive. Works only in the main thread, because only
 * that thread gets signals.
 */
export class ReadableSignal {
  readonly #fd: number;
  readonly #listener: () => void;
  /** The flags of the descriptor, without O_ASYNC. */
  readonly #flags: number;
  #isMuted = true;

  /**
   * Watching begins at once. No signal is sent for data that arrived earlier, so the caller must
   * read once.
   *
   * @param fd a socket, which must stay open until `stop` is called
   * @throws {SystemError} EBADF: the descriptor is closed
   */
  constructor(fd: number, listener: () => void) {
    checkDescriptor('fd', fd);
    checkFunction('listener', listener);
    install();
    this.#fd = fd;
    this.#listener = listener;
    this.#flags = check(libc().fcntl(fd, F_GETFL, 0), 'fcntl') & ~O_ASYNC;
    check(libc().fcntl(fd, F_SETOWN, process.pid), 'fcntl');
    this.unmute();
  }

  get isMuted(): boolean {
    return this.#isMuted;
  }

  /** Stops the signals for a while, for instance while much arrives and is read anyway. */
  mute(): void {
    if (this.#isMuted) return;
    this.#isMuted = true;
    watched.delete(this);
    libc().fcntl(this.#fd, F_SETFL, this.#flags);
  }

  /** Starts the signals again. The caller must read once after this call, as at the beginning. */
  unmute(): void {
    if (!this.#isMuted) return;
    this.#isMuted = false;
    watched.add(this);
    check(libc().fcntl(this.#fd, F_SETFL, this.#flags | O_ASYNC), 'fcntl');
  }

  /** Stops the signals for good. Must be called before the descriptor is closed. */
  stop(): void {
    this.mute();
  }

  /** @internal A signal came. */
  report(): void {
    this.#listener();
  }
}

/**
 * Calls `listener` like a `ReadableSignal`, and once in the beginning, for data that arrived
 * earlier.
 *
 * @returns a function that ends the calls; it must be called before the descriptor is closed
 * @throws {SystemError} EBADF: the descriptor is closed
 */
export function onReadable(fd: number, listener: () => void): () => void {
  const signal = new ReadableSignal(fd, listener);
  setImmediate(() => {
    if (!signal.isMuted) listener();
  });
  return () => signal.stop();
}

/**
 * Installs the signal handler for good. Without a handler, a signal that is still pending would end
 * the process.
 */
function install(): void {
  if (isInstalled) return;
  isInstalled = true;
  process.on('SIGIO', () => {
    for (const signal of watched) signal.report();
  });
}

const watched = new Set<ReadableSignal>();
let isInstalled = false;
const F_GETFL = 3;
const F_SETFL = 4;
const F_SETOWN = 8;
const O_ASYNC = 0o20000;
