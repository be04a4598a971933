/**
 * `requirePointer`: checks that OpenSSL returned a pointer.
 *
 * @module
 */

/**
 * Returns the pointer.
 *
 * @throws {Error} the pointer is 0, so this OpenSSL does not have `what`
 */
export function requirePointer(pointer: number, what: string): number {
  if (pointer === 0) throw new Error(`this OpenSSL has no ${what}`);
  return pointer;
}
