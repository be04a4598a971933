/**
 * Writes packets as blocks of pcapng: the Enhanced Packet Block, section 4.3 of
 * draft-ietf-opsawg-pcapng. All numbers are little-endian.
 *
 * ```
 *   type 6 | length | interface | time, high and low | captured length | length of the packet
 *   packet, padded to 4 bytes | options | length
 * ```
 *
 * @module
 */

/**
 * What a block says about a packet, besides its bytes. The object can be reused for the next
 * packet.
 */
export interface PacketBlock {
  /** The number of the interface, in the order of the interface blocks. */
  interfaceId: number;
  isInbound: boolean;
  /** Unix time. */
  seconds: number;
  nanoseconds: number;
  /** Length of the packet, and how many of its bytes are in the block. */
  length: number;
  captured: number;
  /** How many packets of this interface were not captured since its last block. */
  lost: number;
  /** UTF-8, at most `LONGEST_COMMENT` bytes. */
  comment: Uint8Array | undefined;
}

/**
 * Returns the length in bytes of a block with `captured` bytes of a packet, a count of lost
 * packets, and a comment of `commentLength` bytes. The default of `commentLength` is the length of
 * the longest comment, so no block with `captured` bytes is longer than the default result.
 */
export function packetBlockLength(
  captured: number,
  commentLength: number = LONGEST_COMMENT,
): number {
  const comment = commentLength === 0 ? 0 : OPTION_HEADER + padded(commentLength);
  return PACKET_OFFSET + padded(captured) + FLAGS_LENGTH + LOST_LENGTH + comment + TRAILER_LENGTH;
}

/**
 * Writes everything around the bytes of the packet, which begin at `at + PACKET_OFFSET`. The caller
 * writes those bytes, before or after this call.
 *
 * @returns the length of the block
 */
export function writePacketBlock(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  block: PacketBlock,
): number {
  const { captured, lost, comment } = block;
  let next = at + PACKET_OFFSET + captured;
  for (const end = at + PACKET_OFFSET + padded(captured); next < end; next++) bytes[next] = 0;
  next = writeNumber(view, next, OPTION_FLAGS, block.isInbound ? INBOUND : OUTBOUND);
  if (lost > 0) {
    writeOption(view, next, OPTION_LOST, 8);
    view.setUint32(next + 4, lost, true);
    view.setUint32(next + 8, 0, true);
    next += LOST_LENGTH;
  }
  if (comment) {
    writeOption(view, next, OPTION_COMMENT, comment.length);
    next += OPTION_HEADER;
    bytes.set(comment, next);
    bytes.fill(0, next + comment.length, next + padded(comment.length));
    next += padded(comment.length);
  }
  writeOption(view, next, OPTION_END, 0);
  const length = next + TRAILER_LENGTH - at;
  view.setUint32(next + OPTION_HEADER, length, true);
  view.setUint32(at, PACKET_BLOCK, true);
  view.setUint32(at + 4, length, true);
  view.setUint32(at + 8, block.interfaceId, true);
  writeTime(view, at + 12, block.seconds, block.nanoseconds);
  view.setUint32(at + 20, captured, true);
  view.setUint32(at + 24, block.length, true);
  return length;
}

/**
 * Writes a Unix time in nanoseconds as two 32-bit numbers, the high one first. The time has more
 * than 53 bits, so it is computed in parts that have fewer.
 *
 * @param seconds below 2^32
 */
export function writeTime(view: DataView, at: number, seconds: number, nanoseconds: number): void {
  const high = Math.floor(seconds / 2 ** 16) * 1e9;
  const low = (seconds % 2 ** 16) * 1e9 + nanoseconds;
  const lowSum = (high % 2 ** 16) * 2 ** 16 + (low % 2 ** 32);
  const carry = Math.floor(lowSum / 2 ** 32);
  view.setUint32(at, Math.floor(high / 2 ** 16) + Math.floor(low / 2 ** 32) + carry, true);
  view.setUint32(at + 4, lowSum % 2 ** 32, true);
}

/** Returns the length with the bytes that pad it to a multiple of 4. */
export function padded(length: number): number {
  return (length + 3) & ~3;
}

function writeNumber(view: DataView, at: number, code: number, value: number): number {
  writeOption(view, at, code, 4);
  view.setUint32(at + 4, value, true);
  return at + FLAGS_LENGTH;
}

function writeOption(view: DataView, at: number, code: number, length: number): void {
  view.setUint16(at, code, true);
  view.setUint16(at + 2, length, true);
}

/** Where the packet begins in its block. */
export const PACKET_OFFSET = 28;
/** The longest comment in bytes. */
export const LONGEST_COMMENT = 128;
/** Type of the block. */
const PACKET_BLOCK = 6;

const OPTION_END = 0;
const OPTION_COMMENT = 1;
const OPTION_FLAGS = 2;
const OPTION_LOST = 4;
const OPTION_HEADER = 4;
const FLAGS_LENGTH = 8;
const LOST_LENGTH = 12;
/** The end of the options, and the length of the block again. */
const TRAILER_LENGTH = 8;
/** Values of epb_flags. */
const INBOUND = 1;
const OUTBOUND = 2;
