/**
 * Allocates memory for secrets that are kept.
 *
 * V8 stores a small typed array in memory that the garbage collector moves, and the old copy is not
 * erased. Wiping the array would then wipe only one of the copies. Bytes that are allocated as an
 * `ArrayBuffer` are never moved.
 *
 * @module
 */

/** Returns `length` zero bytes whose memory is never moved. */
export function secretBytes(length: number): Uint8Array {
  return new Uint8Array(new ArrayBuffer(length));
}

/** Returns a copy of the bytes whose memory is never moved. */
export function secretCopy(bytes: Uint8Array): Uint8Array {
  const copy = secretBytes(bytes.length);
  copy.set(bytes);
  return copy;
}
