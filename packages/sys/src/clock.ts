/**
 * The clocks of the system, without the rounding of Node.js.
 *
 * @module
 */
import { libc } from './libc.ts';
import { allocate, type Region } from './memory.ts';

/**
 * A struct timespec: tv_sec (8 bytes), tv_nsec (8). Each thread has one, because each thread loads
 * its own modules.
 */
let timespec: Region | undefined;

/**
 * Returns the time that an engine gets as `now`: milliseconds since boot, with a fraction down to
 * the nanosecond. It is monotonic and also counts while the machine is suspended, so old keys
 * expire during that time too. Allocates nothing.
 */
export function boottimeMs(): number {
  return readClock(CLOCK_BOOTTIME);
}

/**
 * Returns the Unix time in ms, in steps of about 0.25 µs: a JavaScript number of this size has no
 * finer ones. The value jumps if the clock is set.
 */
export function realtimeMs(): number {
  return readClock(CLOCK_REALTIME);
}

/** Reads the Unix time to the nanosecond. Allocates nothing. */
export function readRealtime(out: { seconds: number; nanoseconds: number }): void {
  timespec ??= allocate(16);
  libc().clock_gettime(CLOCK_REALTIME, timespec.address);
  const { view } = timespec;
  out.seconds = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  out.nanoseconds = view.getUint32(8, true);
}

/** Returns a struct timespec at `offset` as milliseconds. */
export function timespecMs(view: DataView, offset: number): number {
  // Reads tv_sec as two halves, because getBigInt64 would allocate. tv_nsec is below 10^9, so its
  // lower half is enough.
  const seconds = view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 2 ** 32;
  return seconds * 1000 + view.getUint32(offset + 8, true) / 1e6;
}

function readClock(clock: number): number {
  timespec ??= allocate(16);
  libc().clock_gettime(clock, timespec.address);
  return timespecMs(timespec.view, 0);
}

// linux/time.h
const CLOCK_REALTIME = 0;
const CLOCK_BOOTTIME = 7;
