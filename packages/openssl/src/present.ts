/**
 * `present`: what OpenSSL has or has not.
 *
 * @module
 */

/** A pointer that OpenSSL gave. @throws {Error} it has none of this: `what` */
export function present(pointer: number, what: string): number {
  if (pointer === 0) throw new Error(`this OpenSSL has no ${what}`);
  return pointer;
}
