/**
 * Sequence numbers (RFC 9293 3.4): 32 bits, compared modulo 2^32. They are kept as signed numbers,
 * because V8 stores those without an allocation.
 *
 * @module
 */

/** Whether `a` comes before `b`, if they are less than 2^31 apart. */
export function isBefore(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

/** Whether `a` comes after `b`. */
export function isAfter(a: number, b: number): boolean {
  return ((a - b) | 0) > 0;
}

/** Returns how much later `a` is than `b`; negative if it is earlier. */
export function distance(a: number, b: number): number {
  return (a - b) | 0;
}

/** Returns the later one. */
export function later(a: number, b: number): number {
  return isAfter(a, b) ? a : b;
}

/** Returns the earlier one. */
export function earlier(a: number, b: number): number {
  return isBefore(a, b) ? a : b;
}
