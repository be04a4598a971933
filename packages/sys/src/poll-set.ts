/**
 * `PollSet`: poll(2) on a table of descriptors.
 *
 * ```
 * struct pollfd: int fd (4) | short events (2) | short revents (2)
 * ```
 *
 * @module
 */
import { checkDescriptor, checkFlag, checkInteger, checkTimeout } from './arguments.ts';
import { boottimeMs } from './clock.ts';
import { EINTR } from './constants.ts';
import { libc } from './libc.ts';
import { allocate, type Region } from './memory.ts';
import { SystemError } from './system-error.ts';

/**
 * A set of descriptors to wait for with poll(2). Entries keep their index, so a caller needs no
 * look-up.
 *
 * @example
 *
 * ```ts
 * import { EventFd, linux, PollSet } from '@litz/sys';
 *
 * const event = new EventFd();
 * const polled = new PollSet();
 * const index = polled.add(event.fd, linux.POLLIN);
 * event.signal();
 * polled.wait(1000); // at most 1000 ms
 * console.log(polled.ready(index) === linux.POLLIN); // true
 * event.close();
 * ```
 */
export class PollSet {
  #entries: Region = allocate(ENTRY_LENGTH * 8);
  #used = 0;

  /**
   * Adds a descriptor.
   *
   * @param events `POLLIN`, `POLLOUT`; errors are always reported
   * @returns the index of the entry
   */
  add(fd: number, events: number): number {
    checkDescriptor('fd', fd);
    checkInteger('events', events, 0, LARGEST_EVENTS);
    const index = this.#freeIndex();
    const at = index * ENTRY_LENGTH;
    this.#entries.view.setInt32(at, fd, true);
    this.#entries.view.setInt16(at + EVENTS, events, true);
    this.#entries.view.setInt16(at + REVENTS, 0, true);
    return index;
  }

  setEvents(index: number, events: number): void {
    checkInteger('events', events, 0, LARGEST_EVENTS);
    this.#entries.view.setInt16(this.#offsetOf(index) + EVENTS, events, true);
  }

  /**
   * Mutes or unmutes an entry. A muted entry does not wake the thread, not even for an error. Do
   * not mute descriptor 0: that would remove its entry.
   */
  setMuted(index: number, muted: boolean): void {
    checkFlag('muted', muted);
    const at = this.#offsetOf(index);
    const fd = this.#entries.view.getInt32(at, true);
    if (fd !== NO_FD && fd < 0 !== muted) this.#entries.view.setInt32(at, ~fd, true);
  }

  /** Removes an entry. Other indices stay the same; `add` may use this index again. */
  remove(index: number): void {
    const at = this.#offsetOf(index);
    this.#entries.view.setInt32(at, NO_FD, true);
    this.#entries.view.setInt32(at + EVENTS, 0, true);
  }

  /**
   * Sleeps until a descriptor is ready or `timeoutMs` have passed, and never wakes earlier:
   * fractions of a millisecond are rounded up. If `timeoutMs` is `Infinity`, there is no limit. If
   * it is 0 or less, the call returns at once. A signal does not end the sleep.
   *
   * @returns the number of ready entries; 0 after the time-out
   * @throws {SystemError} poll failed
   */
  wait(timeoutMs: number): number {
    checkTimeout('timeoutMs', timeoutMs);
    const deadline = timeoutMs > 0 && timeoutMs < Infinity ? boottimeMs() + timeoutMs : timeoutMs;
    let remaining = timeoutMs;
    for (;;) {
      const ready = libc().poll(this.#entries.address, this.#used, pollTimeout(remaining));
      if (ready >= 0) return ready;
      const errno = libc().errno();
      if (errno !== EINTR) throw new SystemError('poll', errno);
      if (deadline > 0 && deadline < Infinity) remaining = deadline - boottimeMs();
    }
  }

  /** Returns the revents of the last `wait`: `POLLIN`, `POLLERR`, ..., or 0 if nothing happened. */
  ready(index: number): number {
    return this.#entries.view.getInt16(this.#offsetOf(index) + REVENTS, true);
  }

  #offsetOf(index: number): number {
    if (Number.isInteger(index) && index >= 0 && index < this.#used) return index * ENTRY_LENGTH;
    throw new RangeError(`"index" expected 0..${this.#used - 1}, got ${index}`);
  }

  #freeIndex(): number {
    for (let index = 0; index < this.#used; index++) {
      if (this.#entries.view.getInt32(index * ENTRY_LENGTH, true) === NO_FD) return index;
    }
    if (this.#used * ENTRY_LENGTH === this.#entries.bytes.length) {
      const larger = allocate(this.#entries.bytes.length * 2);
      larger.bytes.set(this.#entries.bytes);
      this.#entries = larger;
    }
    return this.#used++;
  }
}

/** Returns the timeout for poll: whole milliseconds, -1 = none. */
function pollTimeout(ms: number): number {
  if (ms === Infinity) return -1;
  return ms > 0 ? Math.min(Math.ceil(ms), LONGEST_TIMEOUT_MS) : 0;
}

const ENTRY_LENGTH = 8;
const EVENTS = 4;
const REVENTS = 6;
/**
 * poll skips an entry with a negative descriptor, and sets its revents to zero. A muted entry has
 * `~fd`.
 */
const NO_FD = -1;
/** The largest value of a short. */
const LARGEST_EVENTS = 0x7fff;
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;
