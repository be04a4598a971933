/**
 * What a provider is given: bytes of one length only.
 *
 * @module
 */

/** @throws {RangeError} there are more or fewer */
export function checkLength(name: string, bytes: Uint8Array, length: number): void {
  if (bytes.length === length) return;
  throw new RangeError(`"${name}" expected ${length} bytes, got ${bytes.length}`);
}
