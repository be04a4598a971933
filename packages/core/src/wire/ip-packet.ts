/**
 * What the data plane needs of an IP header: lengths, ECN bits, the internet checksum.
 *
 * A packet is given as the buffer it stands in and its offset; nothing is copied or allocated.
 * Options and extension headers are the receiver's business and are not looked at here.
 *
 * @module
 */

/**
 * The length that the header states, in bytes; what lies behind it is padding. 0 if this is neither
 * IPv4 nor IPv6, or the header states less than itself or more than there is (`length` bytes).
 */
export function ipTotalLength(buffer: Uint8Array, offset: number, length: number): number {
  const version = buffer[offset] >>> 4;
  if (version === 4) {
    const total = (buffer[offset + 2] << 8) | buffer[offset + 3];
    return total >= IPV4_HEADER_LENGTH && total <= length ? total : 0;
  }
  if (version !== 6) return 0;
  const total = IPV6_HEADER_LENGTH + ((buffer[offset + 4] << 8) | buffer[offset + 5]);
  return total <= length ? total : 0;
}

/** The ECN bits (RFC 3168) of the packet at `offset`, which is IPv4 or IPv6: 0 to 3. */
export function ecn(buffer: Uint8Array, offset: number): number {
  const byte = buffer[offset + 1];
  return buffer[offset] >>> 4 === 4 ? byte & 0b11 : (byte >>> 4) & 0b11;
}

/** Sets the ECN bits and, for IPv4, brings the header checksum up to date. */
export function setEcn(buffer: Uint8Array, offset: number, bits: number): void {
  const before = buffer[offset + 1];
  if (buffer[offset] >>> 4 !== 4) {
    buffer[offset + 1] = (before & 0b1100_1111) | (bits << 4);
    return;
  }
  const after = (before & 0b1111_1100) | bits;
  buffer[offset + 1] = after;
  // RFC 1624 equation 3: HC' = ~(~HC + ~m + m'). The other byte of the word is the same in both.
  const at = offset + IPV4_CHECKSUM;
  const checksum = (buffer[at] << 8) | buffer[at + 1];
  const sum = (~checksum & 0xffff) + (~before & 0xffff) + after;
  writeUint16(buffer, at, ~foldChecksum(sum));
}

/** The one's complement sum of `length` bytes, added to `sum`; fold it before it is used. */
export function sumWords(buffer: Uint8Array, offset: number, length: number, sum = 0): number {
  const end = offset + length;
  const even = end - (length % 2);
  let total = sum;
  for (let i = offset; i < even; i += 2) total += (buffer[i] << 8) | buffer[i + 1];
  // RFC 1071: an odd byte counts as if a zero followed.
  return even === end ? total : total + (buffer[even] << 8);
}

/** Sixteen bits, carries added back in. */
export function foldChecksum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + (folded >>> 16);
  return folded;
}

/** Network order. Higher bits of `value` are ignored. */
export function writeUint16(buffer: Uint8Array, offset: number, value: number): void {
  buffer[offset] = value >>> 8;
  buffer[offset + 1] = value;
}

export const IPV4_HEADER_LENGTH = 20;
export const IPV4_CHECKSUM = 10;
export const IPV4_SOURCE = 12;
export const IPV4_DESTINATION = 16;
export const IPV6_HEADER_LENGTH = 40;
export const IPV6_SOURCE = 8;
export const IPV6_DESTINATION = 24;
