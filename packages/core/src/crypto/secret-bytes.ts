/**
 * Memory for secrets that are kept.
 *
 * A small typed array stands in the garbage collector's own memory, which moves it and leaves what it
 * held behind: wiping it would wipe one of its copies. Bytes that begin as an `ArrayBuffer` are never
 * moved.
 *
 * @module
 */

/** `length` zeros that stay where they are until they are wiped. */
export function secretBytes(length: number): Uint8Array {
  return new Uint8Array(new ArrayBuffer(length));
}

/** A copy of the bytes that stays where it is until it is wiped. */
export function secretCopy(bytes: Uint8Array): Uint8Array {
  const copy = secretBytes(bytes.length);
  copy.set(bytes);
  return copy;
}
