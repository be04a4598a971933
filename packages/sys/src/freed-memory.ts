/**
 * What the C library's allocator does with memory that was freed: mallopt(3).
 *
 * @module
 */
import { koffi } from './libc.ts';

/**
 * Gives it back to the system at once, from here on and for all threads. By default glibc keeps as much as
 * twice the largest block that was ever freed, for each of its arenas: what V8's compiler threads need for
 * a moment would stay for good. To be called where nothing allocates and frees all the time.
 *
 * @returns false: this C library has no such setting, as that of Alpine Linux
 * @throws {WireGuardError} as {@link koffi} does
 */
export function returnFreedMemory(): boolean {
  const library = koffi().load(null);
  let mallopt: (parameter: number, value: number) => unknown;
  try {
    mallopt = library.func('int mallopt(int parameter, int value)') as typeof mallopt;
  } catch {
    return false;
  }
  // Whichever is set is not adapted any more.
  return mallopt(M_TRIM_THRESHOLD, KEPT_BYTES) === 1 && mallopt(M_MMAP_THRESHOLD, KEPT_BYTES) === 1;
}

/** Of malloc.h. */
const M_TRIM_THRESHOLD = -1;
const M_MMAP_THRESHOLD = -3;
const KEPT_BYTES = 65_536;
