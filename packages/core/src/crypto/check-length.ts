/**
 * Checks the length of bytes that are passed to a crypto provider.
 *
 * @module
 */

/**
 * @throws {TypeError} `bytes` is not a Uint8Array
 * @throws {RangeError} `bytes` is not `length` bytes long
 */
export function checkLength(name: string, bytes: Uint8Array, length: number): void {
  const isBytes = (bytes as unknown) instanceof Uint8Array;
  if (isBytes && bytes.length === length) return;
  if (!isBytes) {
    throw new TypeError(`"${name}" expected a Uint8Array, got ${typeof bytes}`);
  }
  throw new RangeError(`"${name}" expected ${length} bytes, got ${bytes.length}`);
}
