/**
 * The parts of an IP header that the data plane needs: lengths and ECN bits.
 *
 * A packet is given as a buffer and an offset. Nothing is copied or allocated. Options and
 * extension headers are not read here; the receiver of the packet reads them.
 *
 * @module
 */
import { foldSum } from './checksum.ts';

/**
 * Returns the length that the header states, in bytes. Bytes after it are padding. Returns 0 if
 * this is neither IPv4 nor IPv6, or if the stated length is less than the header or more than
 * `length`.
 */
export function readTotalLength(buffer: Uint8Array, offset: number, length: number): number {
  const version = buffer[offset] >>> 4;
  if (version === 4) {
    const total = (buffer[offset + 2] << 8) | buffer[offset + 3];
    return total >= IPV4_HEADER_LENGTH && total <= length ? total : 0;
  }
  if (version !== 6) return 0;
  const total = IPV6_HEADER_LENGTH + ((buffer[offset + 4] << 8) | buffer[offset + 5]);
  return total <= length ? total : 0;
}

/** Returns the ECN bits (RFC 3168) of the IPv4 or IPv6 packet at `offset`: 0 to 3. */
export function readEcn(buffer: Uint8Array, offset: number): number {
  const byte = buffer[offset + 1];
  return buffer[offset] >>> 4 === 4 ? byte & 0b11 : (byte >>> 4) & 0b11;
}

/** Sets the ECN bits and, for IPv4, updates the header checksum. */
export function setEcn(buffer: Uint8Array, offset: number, bits: number): void {
  const before = buffer[offset + 1];
  if (buffer[offset] >>> 4 !== 4) {
    buffer[offset + 1] = (before & 0b1100_1111) | (bits << 4);
    return;
  }
  const after = (before & 0b1111_1100) | bits;
  buffer[offset + 1] = after;
  // RFC 1624 equation 3: HC' = ~(~HC + ~m + m'). The other byte of the word does not change.
  const at = offset + IPV4_CHECKSUM;
  const checksum = (buffer[at] << 8) | buffer[at + 1];
  const sum = (~checksum & 0xffff) + (~before & 0xffff) + after;
  writeUint16(buffer, at, ~foldSum(sum));
}

/** Writes 16 bits in network order. Higher bits of `value` are ignored. */
export function writeUint16(buffer: Uint8Array, offset: number, value: number): void {
  buffer[offset] = value >>> 8;
  buffer[offset + 1] = value;
}

/** Length in bytes of an IPv4 header without options (RFC 791, section 3.1). */
export const IPV4_HEADER_LENGTH = 20;
/** Offset in bytes of the header checksum, 16 bits. */
export const IPV4_CHECKSUM = 10;
/** Offset in bytes of the source address, 4 bytes. */
export const IPV4_SOURCE = 12;
/** Offset in bytes of the destination address, 4 bytes. */
export const IPV4_DESTINATION = 16;
/** Length in bytes of the fixed IPv6 header (RFC 8200, section 3). */
export const IPV6_HEADER_LENGTH = 40;
/** Offset in bytes of the source address, 16 bytes. */
export const IPV6_SOURCE = 8;
/** Offset in bytes of the destination address, 16 bytes. */
export const IPV6_DESTINATION = 24;
