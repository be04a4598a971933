/**
 * This module makes the clock of the packet loop's thread run RATE times as fast. It exports a
 * crypto provider, because the option `crypto` of a device loads a module in that thread.
 *
 * The module changes only CLOCK_BOOTTIME, which the engine uses, and the sleeps of poll. The wall
 * clock is unchanged, because initiations carry its time to the peer.
 */
import { nobleProvider } from '@litz/core';
import { allocate, koffi, libc } from '@litz/sys';

/** With this rate, the 120 s of Rekey-After-Time pass in 2 s. */
const RATE = 60;
// linux/time.h
const CLOCK_BOOTTIME = 7;
const SECOND = 1_000_000_000n;

const copy = koffi().load(null).func('void *memcpy(uintptr_t to, uintptr_t from, ulong length)');
const c = libc();
const system = { ...c };
/** struct timespec: tv_sec (8 bytes), tv_nsec (8). */
const timespec = allocate(16);
system.clock_gettime(CLOCK_BOOTTIME, timespec.address);
const started = readNanoseconds();

c.clock_gettime = (clock, address) => {
  if (clock !== CLOCK_BOOTTIME) return system.clock_gettime(clock, address);
  const result = system.clock_gettime(clock, timespec.address);
  const now = started + (readNanoseconds() - started) * BigInt(RATE);
  timespec.view.setBigInt64(0, now / SECOND, true);
  timespec.view.setBigInt64(8, now % SECOND, true);
  copy(address, timespec.address, 16);
  return result;
};
c.poll = (fds, count, timeoutMs) =>
  system.poll(fds, count, timeoutMs > 0 ? Math.ceil(timeoutMs / RATE) : timeoutMs);

function readNanoseconds() {
  return timespec.view.getBigInt64(0, true) * SECOND + timespec.view.getBigInt64(8, true);
}

export { nobleProvider as provider };
