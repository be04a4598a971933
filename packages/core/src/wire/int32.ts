/**
 * The 32-bit fields of the messages: little-endian, all of them (section 5.4).
 *
 * @module
 */

/** Signed, so that it is never an allocation. */
export function readInt32(buffer: Uint8Array, offset: number): number {
  return (
    buffer[offset] |
    (buffer[offset + 1] << 8) |
    (buffer[offset + 2] << 16) |
    (buffer[offset + 3] << 24)
  );
}

/** The low 32 bits of `value`, whatever its size and sign. */
export function writeInt32(buffer: Uint8Array, offset: number, value: number): void {
  buffer[offset] = value;
  buffer[offset + 1] = value >>> 8;
  buffer[offset + 2] = value >>> 16;
  buffer[offset + 3] = value >>> 24;
}
