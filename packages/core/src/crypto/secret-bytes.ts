/**
 * Allocates memory for secrets that are kept.
 *
 * V8 stores a small typed array in memory that the garbage collector moves, and the old copy is not
 * erased. Wiping the array would then wipe only one of the copies. Bytes that are allocated as an
 * `ArrayBuffer` are never moved.
 *
 * @module
 */

let protect: ((bytes: Uint8Array) => unknown) | undefined;

/**
 * Sets a function that is called with all memory for secrets before a secret is written there, for
 * example to lock the memory. The setting applies to the calling thread only. The bytes are
 * borrowed for the call.
 */
export function protectSecretsWith(run: ((bytes: Uint8Array) => unknown) | undefined): void {
  protect = run;
}

/** Returns `length` zero bytes whose memory is never moved. */
export function secretBytes(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(new ArrayBuffer(length));
  protect?.(bytes);
  return bytes;
}

/** Returns a copy of the bytes whose memory is never moved. */
export function secretCopy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = secretBytes(bytes.length);
  copy.set(bytes);
  return copy;
}
