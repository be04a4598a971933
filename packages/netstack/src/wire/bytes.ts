/**
 * Reads and writes numbers in headers. They are in network order: the highest byte first.
 *
 * @module
 */

/** Returns 16 bits as an unsigned number. */
export function readUint16(buffer: Uint8Array, offset: number): number {
  return (buffer[offset] << 8) | buffer[offset + 1];
}

/** Returns 32 bits as a signed number, because V8 keeps such a number without an allocation. */
export function readInt32(buffer: Uint8Array, offset: number): number {
  return (
    (buffer[offset] << 24) |
    (buffer[offset + 1] << 16) |
    (buffer[offset + 2] << 8) |
    buffer[offset + 3]
  );
}

/** Writes the low 16 bits of `value`. */
export function writeUint16(buffer: Uint8Array, offset: number, value: number): void {
  buffer[offset] = value >>> 8;
  buffer[offset + 1] = value;
}

/** Writes the low 32 bits of `value`. */
export function writeInt32(buffer: Uint8Array, offset: number, value: number): void {
  buffer[offset] = value >>> 24;
  buffer[offset + 1] = value >>> 16;
  buffer[offset + 2] = value >>> 8;
  buffer[offset + 3] = value;
}
