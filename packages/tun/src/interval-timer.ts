/**
 * `IntervalTimer`: a repeating timer with a descriptor, by timerfd_create(2), for threads that
 * sleep in poll.
 *
 * ```
 * struct itimerspec: interval s (8) | interval ns (8) | first s (8) | first ns (8)
 * ```
 *
 * @module
 */
import { allocate, check, libc, linux } from '@litz/sys';

export class IntervalTimer {
  #fd: number;

  /** Makes a timer that becomes readable every `seconds` (a whole number). */
  constructor(seconds: number) {
    const flags = linux.O_NONBLOCK | linux.O_CLOEXEC;
    this.#fd = check(libc().timerfd_create(CLOCK_MONOTONIC, flags), 'timerfd_create');
    const { view, address } = allocate(TIMER_LENGTH);
    view.setUint32(0, seconds, true);
    view.setUint32(16, seconds, true);
    check(libc().timerfd_settime(this.#fd, 0, address, 0), 'timerfd_settime');
  }

  /** The descriptor to poll; -1 after `close`. */
  get fd(): number {
    return this.#fd;
  }

  /** Makes the timer unreadable until the next interval ends. @returns whether it was readable */
  clear(): boolean {
    return libc().read(this.#fd, allocate(COUNTER_LENGTH).address, COUNTER_LENGTH) > 0;
  }

  close(): void {
    if (this.#fd >= 0) libc().close(this.#fd);
    this.#fd = -1;
  }
}

const CLOCK_MONOTONIC = 1;
const TIMER_LENGTH = 32;
const COUNTER_LENGTH = 8;
