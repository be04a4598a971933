/**
 * What a provider is given: bytes of one length only.
 *
 * @module
 */

/**
 * @throws {TypeError} it is no Uint8Array
 * @throws {RangeError} there are more or fewer
 */
export function checkLength(name: string, bytes: Uint8Array, length: number): void {
  const isBytes = (bytes as unknown) instanceof Uint8Array;
  if (isBytes && bytes.length === length) return;
  if (!isBytes) {
    throw new TypeError(`"${name}" expected a Uint8Array, got ${typeof bytes}`);
  }
  throw new RangeError(`"${name}" expected ${length} bytes, got ${bytes.length}`);
}
