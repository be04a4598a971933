/**
 * The clock of the engine: monotonic, and running on while the machine is suspended.
 *
 * @module
 */
import { libc } from './libc.ts';
import { allocate, type Region } from './memory.ts';

/** linux/time.h. Counts suspended time, so that after a night's sleep old keys are gone. */
const CLOCK_BOOTTIME = 7;

/** struct timespec: tv_sec (8 bytes), tv_nsec (8). One per thread: each loads its own module. */
let timespec: Region | undefined;

/** Milliseconds since boot, with a fraction down to the nanosecond. Allocates nothing. */
export function boottimeMs(): number {
  timespec ??= allocate(16);
  libc().clock_gettime(CLOCK_BOOTTIME, timespec.address);
  const { view } = timespec;
  // Two halves: getBigInt64 would make garbage. 2^32 s are 136 years, tv_nsec is below 10^9.
  const seconds = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  return seconds * 1000 + view.getUint32(8, true) / 1e6;
}
