/**
 * `EventFd`: an eventfd, which wakes a thread that sleeps in poll.
 *
 * @module
 */
import { checkInteger } from './arguments.ts';
import { EAGAIN } from './constants.ts';
import { libc } from './libc.ts';
import { allocate, type Region } from './memory.ts';
import { check, SystemError } from './system-error.ts';

/**
 * An eventfd. One thread makes it, and other threads use it through its number, because descriptors
 * belong to the process, not to a thread. Several signals before a `clear` cause one wake.
 */
export class EventFd {
  #fd: number;
  readonly #owned: boolean;
  /** Memory for the 64-bit counter that is written (always 1) or read. */
  readonly #counter: Region = allocate(COUNTER_LENGTH);

  /** @throws {SystemError} no descriptors are left */
  constructor();
  /** @internal Use {@link EventFd.fromFd}. */
  constructor(fd: number);
  constructor(fd?: number) {
    if (fd !== undefined) checkInteger('fd', fd, 0, 0x7fff_ffff);
    this.#fd = fd ?? check(libc().eventfd(0, EFD_FLAGS), 'eventfd');
    this.#owned = fd === undefined;
  }

  /**
   * Returns the eventfd of another thread. `close` does not close the descriptor, which belongs to
   * the thread that made it.
   *
   * @throws {TypeError | RangeError} `fd` is not a descriptor
   */
  static fromFd(fd: number): EventFd {
    checkInteger('fd', fd, 0, 0x7fff_ffff);
    return new EventFd(fd);
  }

  /** The descriptor; -1 after `close`. */
  get fd(): number {
    return this.#fd;
  }

  /** Makes the descriptor readable. Does nothing after `close`. */
  signal(): void {
    if (this.#fd < 0) return;
    this.#counter.view.setUint32(0, 1, true);
    this.#counter.view.setUint32(4, 0, true);
    if (libc().write(this.#fd, this.#counter.address, COUNTER_LENGTH) >= 0) return;
    // EAGAIN: the counter is full, so the descriptor is readable already.
    const errno = libc().errno();
    if (errno !== EAGAIN) throw new SystemError('write', errno, 'cannot signal an eventfd');
  }

  /** Makes the descriptor unreadable until the next signal. */
  clear(): void {
    if (this.#fd < 0) return;
    if (libc().read(this.#fd, this.#counter.address, COUNTER_LENGTH) >= 0) return;
    const errno = libc().errno();
    if (errno !== EAGAIN) throw new SystemError('read', errno, 'cannot clear an eventfd');
  }

  /** Closes the descriptor, unless it belongs to another thread. May be called again. */
  close(): void {
    if (this.#fd >= 0 && this.#owned) libc().close(this.#fd);
    this.#fd = -1;
  }
}

/** sys/eventfd.h: EFD_CLOEXEC | EFD_NONBLOCK */
const EFD_FLAGS = 0o2000000 | 0o4000;
const COUNTER_LENGTH = 8;
