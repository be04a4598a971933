/**
 * SYN cookies (RFC 4987 3.6): when the backlog is full, the answer to a SYN takes no memory. All
 * that the stack must know later is in the answer, and comes back with the next acknowledgement.
 * The numbers in parentheses are lengths in bits:
 *
 * ```
 *  value                     minute (8) | hash of the SYN and minute (24) ^ segment size index (3)
 *  initial sequence number   value + hash of addresses and ports
 *  timestamp                 clock, without its lowest bits (26) | ECN | SACK | window scale (4)
 * ```
 * The timestamp is as in Linux (net/ipv4/syncookies.c). Without timestamps, a cookie
 * keeps only the segment size, rounded down, as an index into a table of sizes.
 *
 * @module
 */
import { sumBytes } from '@litz/core/internals';
import { beginPacket, finishPacket } from '../ip/send.ts';
import type { StackState } from '../stack-state.ts';
import { writeInt32, writeUint16 } from '../wire/bytes.ts';
import { PROTOCOL } from '../wire/protocol.ts';
import {
  TCP_CHECKSUM_OFFSET,
  TCP_FLAG,
  TCP_HEADER_LENGTH,
  TIMESTAMPS_LENGTH,
  writeSynOptions,
  writeTimestamps,
  type TcpHeader,
} from '../wire/tcp-header.ts';
import { pseudoSum } from '../wire/udp-header.ts';
import { ownSegmentSize, scaleFor, timestampOffsetOf } from './lifecycle.ts';
import type { BoundListener } from './tcp-context.ts';
import { firstReceiveBuffer } from './tcp-options.ts';

/** Answers the SYN in `state.packet` with a cookie. */
export function sendCookie(state: StackState, listener: BoundListener, segment: TcpHeader): void {
  const { header, building, packet } = state;
  const { options } = listener;
  const hasTimestamps = segment.hasTimestamps;
  const usesEcn = hasTimestamps && options.ecn && asksForEcn(segment);
  const scale = hasTimestamps && segment.windowScale !== -1 ? scaleFor(options.receiveBuffer) : -1;
  const bits = optionBits(segment, usesEcn);
  const length = TCP_HEADER_LENGTH + synOptionsLength(segment, scale);
  header.begin(packet.destination, packet.source, PROTOCOL.TCP, 0);
  if (!beginPacket(state, length)) return state.drop('full-output-queue');
  const { buffer, transport } = building;
  writeUint16(buffer, transport, segment.destinationPort);
  writeUint16(buffer, transport + 2, segment.sourcePort);
  writeInt32(buffer, transport + 4, cookieFor(state, segment));
  writeInt32(buffer, transport + 8, segment.sequence + 1);
  buffer[transport + 12] = (length / 4) << 4;
  buffer[transport + 13] = TCP_FLAG.SYN | TCP_FLAG.ACK | (usesEcn ? TCP_FLAG.ECE : 0);
  writeUint16(buffer, transport + 14, windowOfCookie(listener));
  writeInt32(buffer, transport + TCP_CHECKSUM_OFFSET, 0);
  const at = transport + TCP_HEADER_LENGTH;
  const allowsSack = hasTimestamps && segment.allowsSack;
  const size = ownSegmentSize(state, packet.source);
  const written = writeSynOptions(buffer, at, size, scale, allowsSack);
  if (hasTimestamps) {
    writeTimestamps(buffer, at + written, timestampWith(state, segment, bits), segment.timestamp);
  }
  const sum = ~sumBytes(buffer, transport, length, pseudoSum(header, length));
  writeUint16(buffer, transport + TCP_CHECKSUM_OFFSET, sum);
  listener.cookieAt = state.now;
  finishPacket(state);
  return undefined;
}

/**
 * Whether the segment acknowledges a cookie of the present or the last minute. If so, the options
 * of the segment become those of the SYN that the cookie answered. Without timestamps, a cookie has
 * only the segment size.
 */
export function readCookie(
  state: StackState,
  listener: BoundListener,
  segment: TcpHeader,
): boolean {
  // The listener accepts cookies only for some time after it has sent one. So nobody can guess a
  // cookie while none is in use.
  if (state.now - listener.cookieAt > LIFETIME_MS) return false;
  const value = (segment.acknowledgement - 1 - hashOf(state, segment, ENDS, 0)) | 0;
  const minute = value >>> 24;
  if (((minuteOf(state) - minute) & 0xff) > 1) return false;
  const code = (value ^ hashOf(state, segment, minute, (segment.sequence - 1) | 0)) & HASH_MASK;
  if ((code & ((1 << INDEX_SHIFT) - 1)) !== 0) return false;
  const index = code >>> INDEX_SHIFT;
  segment.maximumSegmentSize = SEGMENT_SIZES[index];
  const bits = segment.hasTimestamps ? segment.timestampEcho & OPTION_MASK : NO_SCALE;
  segment.windowScale = (bits & NO_SCALE) === NO_SCALE ? -1 : bits & NO_SCALE;
  segment.allowsSack = (bits & SACK_BIT) !== 0;
  segment.flags &= ~(TCP_FLAG.ECE | TCP_FLAG.CWR);
  if (bits & ECN_BIT) segment.flags |= TCP_FLAG.ECE | TCP_FLAG.CWR;
  return true;
}

/** The window of the answer, in bytes. It is not scaled (RFC 7323 2.2). */
export function windowOfCookie({ options }: BoundListener): number {
  return Math.min(0xffff, firstReceiveBuffer(options));
}

/** Whether a SYN asks for ECN (RFC 3168 6.1.1). */
export function asksForEcn(segment: TcpHeader): boolean {
  return segment.has(TCP_FLAG.ECE) && segment.has(TCP_FLAG.CWR);
}

function cookieFor(state: StackState, segment: TcpHeader): number {
  const minute = minuteOf(state);
  const size = segment.maximumSegmentSize || SEGMENT_SIZES[0];
  let index = 0;
  while (index + 1 < SEGMENT_SIZES.length && SEGMENT_SIZES[index + 1] <= size) index++;
  const code = hashOf(state, segment, minute, segment.sequence) ^ (index << INDEX_SHIFT);
  const value = (minute << 24) | (code & HASH_MASK);
  return (value + hashOf(state, segment, ENDS, 0)) | 0;
}

function minuteOf({ now }: StackState): number {
  return Math.floor(now / MINUTE_MS) & 0xff;
}

/**
 * Returns a keyed hash of the addresses and ports of a segment, and of two more numbers.
 *
 * @param minute 0 to 255, or `ENDS`
 * @param sequence the sequence number of the SYN; 0 if `minute` is `ENDS`
 */
function hashOf(
  { hash, packet }: StackState,
  segment: TcpHeader,
  minute: number,
  sequence: number,
): number {
  const ports = (segment.destinationPort << 16) | segment.sourcePort;
  hash.begin().address(packet.destination).address(packet.source);
  return hash.word(ports).word(minute).word(sequence).word(COOKIE_LABEL).end();
}

/** Returns the options of the SYN as the lowest bits of a timestamp. */
function optionBits(segment: TcpHeader, usesEcn: boolean): number {
  const scale = segment.windowScale === -1 ? NO_SCALE : segment.windowScale;
  return scale | (segment.allowsSack ? SACK_BIT : 0) | (usesEcn ? ECN_BIT : 0);
}

function synOptionsLength(segment: TcpHeader, scale: number): number {
  if (!segment.hasTimestamps) return 4;
  return 4 + (segment.allowsSack ? 4 : 0) + (scale === -1 ? 0 : 4) + TIMESTAMPS_LENGTH;
}

/**
 * Returns a timestamp with `bits` as its lowest bits: at most 63 ms before the clock of the
 * connection.
 */
function timestampWith(state: StackState, segment: TcpHeader, bits: number): number {
  const { packet, now } = state;
  const { destinationPort, sourcePort } = segment;
  const offset = timestampOffsetOf(
    state,
    state.tcp.connections.hashOf(packet.destination, destinationPort, packet.source, sourcePort),
  );
  const clock = (Math.floor(now % 2 ** 32) + offset) | 0;
  const value = (clock & ~OPTION_MASK) | bits;
  return ((value - clock) | 0) > 0 ? (value - OPTION_MASK - 1) | 0 : value;
}

/** The sizes that a cookie can keep: the usual ones of Ethernet and of tunnels. */
const SEGMENT_SIZES = [216, 536, 1220, 1300, 1360, 1380, 1440, 8940];
/**
 * The bit at which the index in the table begins. It is not bit 0, because an acknowledgement that
 * differs by a little must not be another valid cookie.
 */
const INDEX_SHIFT = 21;
const HASH_MASK = 0xff_ffff;
const NO_SCALE = 0x0f;
const SACK_BIT = 0x10;
const ECN_BIT = 0x20;
const OPTION_MASK = 0x3f;
/** Passed to `hashOf` in place of a minute, for the hash of addresses and ports alone. */
const ENDS = 256;
const MINUTE_MS = 60_000;
/** The present minute and the one before. */
const LIFETIME_MS = 2 * MINUTE_MS;
/** Makes these hashes differ from hashes with another purpose. */
const COOKIE_LABEL = 0x434f4f4b;
