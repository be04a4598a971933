/**
 * Reads bits of addresses for the routing table. Bit 0 is the most significant bit of byte 0.
 *
 * @module
 */

/** Returns the 4 bytes at `offset` in network order, as a signed number. */
export function wordAt(buffer: Uint8Array, offset: number): number {
  return (
    (buffer[offset] << 24) |
    (buffer[offset + 1] << 16) |
    (buffer[offset + 2] << 8) |
    buffer[offset + 3]
  );
}

/** Returns the bit at `position`, 0 or 1. */
export function bitAt(address: Uint8Array, position: number): number {
  return (address[position >>> 3] >>> (~position & 7)) & 1;
}

/**
 * Returns a word whose first `bits` bits are ones. If `bits` is 32 or more, all bits are ones; if
 * it is 0 or less, none is.
 */
export function leadingOnes(bits: number): number {
  if (bits >= 32) return -1;
  return bits <= 0 ? 0 : -1 << (32 - bits);
}

/** Returns whether the first `bits` bits of `a` and `b` are equal. */
export function beginAlike(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  const whole = bits >>> 3;
  for (let i = 0; i < whole; i++) if (a[i] !== b[i]) return false;
  const rest = bits & 7;
  return rest === 0 || (a[whole] ^ b[whole]) >>> (8 - rest) === 0;
}
