/**
 * The system's clocks, without the rounding of Node's.
 *
 * @module
 */
import { libc } from './libc.ts';
import { allocate, type Region } from './memory.ts';

// linux/time.h
const CLOCK_REALTIME = 0;
const CLOCK_BOOTTIME = 7;

/** struct timespec: tv_sec (8 bytes), tv_nsec (8). One per thread: each loads its own module. */
let timespec: Region | undefined;

/**
 * The engine's clock: milliseconds since boot, with a fraction down to the nanosecond. Monotonic, and
 * running on while the machine is suspended: after a night's sleep old keys are gone. Allocates
 * nothing.
 */
export function boottimeMs(): number {
  return readClock(CLOCK_BOOTTIME);
}

/** Unix milliseconds with a fraction of about a quarter of a microsecond. May jump. */
export function realtimeMs(): number {
  return readClock(CLOCK_REALTIME);
}

/** A struct timespec at `offset` as milliseconds. */
export function timespecMs(view: DataView, offset: number): number {
  // Two halves: getBigInt64 would make garbage. 2^32 s are 136 years, tv_nsec is below 10^9.
  const seconds = view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 2 ** 32;
  return seconds * 1000 + view.getUint32(offset + 8, true) / 1e6;
}

function readClock(clock: number): number {
  timespec ??= allocate(16);
  libc().clock_gettime(clock, timespec.address);
  return timespecMs(timespec.view, 0);
}
