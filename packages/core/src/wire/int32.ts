/**
 * Reads and writes the 32-bit fields of messages, which are all little-endian (section 5.4 of the
 * WireGuard paper).
 *
 * @module
 */

/**
 * Returns the field as a signed number, because V8 stores a signed number without an allocation.
 */
export function readInt32(buffer: Uint8Array, offset: number): number {
  return (
    buffer[offset] |
    (buffer[offset + 1] << 8) |
    (buffer[offset + 2] << 16) |
    (buffer[offset + 3] << 24)
  );
}

/** Writes the low 32 bits of `value`. `value` may have any size and sign. */
export function writeInt32(buffer: Uint8Array, offset: number, value: number): void {
  buffer[offset] = value;
  buffer[offset + 1] = value >>> 8;
  buffer[offset + 2] = value >>> 16;
  buffer[offset + 3] = value >>> 24;
}
