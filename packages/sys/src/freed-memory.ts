/**
 * `returnFreedMemory`: makes the C library return freed memory to the system, with mallopt(3).
 *
 * @module
 */
import { koffi } from './libc.ts';

/**
 * Makes the C library return freed memory to the system at once, from now on and for all threads.
 * By default glibc keeps up to twice the largest block that was ever freed, for each of its arenas.
 * So memory that V8's compiler threads need for a moment would be kept for good. Not for programs
 * that allocate and free all the time.
 *
 * @returns false: this C library has no such setting, like that of Alpine Linux
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
  // glibc does not adapt a limit any more once it is set.
  return mallopt(M_TRIM_THRESHOLD, KEPT_BYTES) === 1 && mallopt(M_MMAP_THRESHOLD, KEPT_BYTES) === 1;
}

/** From malloc.h. */
const M_TRIM_THRESHOLD = -1;
const M_MMAP_THRESHOLD = -3;
// Limit in bytes for both settings.
const KEPT_BYTES = 65_536;
