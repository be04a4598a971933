/**
 * `writeSegment`: writes a segment of a connection with all its headers.
 *
 * Every segment carries the acknowledgement, the window, and what the options report. So after a
 * segment nothing is left to be acknowledged.
 *
 * @module
 */
import { sumBytes } from '@litz/core/internals';
import { OFFLOAD, type PacketOffload } from '../packet-offload.ts';
import type { StackState } from '../stack-state.ts';
import { writeInt32, writeUint16 } from '../wire/bytes.ts';
import { ipHeaderLength, writeIpHeader } from '../wire/ip-header.ts';
import { PROTOCOL } from '../wire/protocol.ts';
import { distance, isAfter } from '../wire/sequence.ts';
import {
  MOST_SACK_BLOCKS,
  TCP_CHECKSUM_OFFSET,
  TCP_FLAG,
  TCP_HEADER_LENGTH,
  TIMESTAMPS_LENGTH,
  writeSack,
  writeSynOptions,
  writeTimestamps,
} from '../wire/tcp-header.ts';
import { pseudoSum } from '../wire/udp-header.ts';
import type { Connection } from './connection.ts';
import { timestampOf } from './timestamp.ts';

/** What to write, and where. A record that is reused. */
export interface SegmentToWrite {
  buffer: Uint8Array;
  offset: number;
  flags: number;
  sequence: number;
  /** Bytes of data, from the send buffer. */
  length: number;
  /** Whether the packet is sent as ECN-capable: only new data is (RFC 3168 6.1.4, 6.1.5). */
  isMarkable: boolean;
  /** Whether this is a probe of the path: one packet, however long it is. */
  isProbe: boolean;
  offload: PacketOffload | undefined;
}

/** Writes a segment. Returns the length of the packet in bytes. */
export function writeSegment(state: StackState, c: Connection, segment: SegmentToWrite): number {
  const { header } = state;
  const { buffer, offset, flags, length } = segment;
  header.begin(c.local, c.remote, PROTOCOL.TCP, segment.isMarkable && c.usesEcn ? ECT_0 : 0);
  header.flowLabel = c.hash & 0xfffff;
  const transport = offset + ipHeaderLength(header.destination.version);
  const options = writeOptions(c, segment, transport + TCP_HEADER_LENGTH, state.now);
  const headerLength = TCP_HEADER_LENGTH + options;
  writeUint16(buffer, transport, c.localPort);
  writeUint16(buffer, transport + 2, c.remotePort);
  writeInt32(buffer, transport + 4, segment.sequence);
  writeInt32(buffer, transport + 8, flags & TCP_FLAG.ACK ? c.receiveNext : 0);
  buffer[transport + 12] = (headerLength / 4) << 4;
  buffer[transport + 13] = flags;
  writeUint16(buffer, transport + 14, windowField(c, flags));
  writeInt32(buffer, transport + TCP_CHECKSUM_OFFSET, 0);
  if (length > 0) {
    const position = distance(segment.sequence, c.dataStart);
    c.sendBuffer.copy(position, buffer, transport + headerLength, length);
  }
  const total = transport - offset + headerLength + length;
  writeIpHeader(header, buffer, offset, total);
  writeChecksum(state, c, segment, transport, headerLength + length);
  if (flags & TCP_FLAG.ACK) settle(c);
  return total;
}

/**
 * Returns how many bytes the SACK option takes in the next segment; 0: there is nothing to report.
 */
export function sackLength(c: Connection): number {
  const count = blockCount(c);
  return count === 0 ? 0 : 4 + count * 8;
}

function writeOptions(c: Connection, segment: SegmentToWrite, at: number, now: number): number {
  const { buffer, flags } = segment;
  let length = 0;
  if (flags & TCP_FLAG.SYN) {
    // A SYN offers all options, and a SYN with ACK those that the other side has offered.
    const size = c.segmentSize + (c.usesTimestamps ? TIMESTAMPS_LENGTH : 0);
    length += writeSynOptions(buffer, at, size, c.receiveScale, c.usesSack);
  }
  if (c.usesTimestamps) {
    const echo = flags & TCP_FLAG.ACK ? c.recentTimestamp : 0;
    length += writeTimestamps(buffer, at + length, timestampOf(c, now), echo);
  }
  const count = flags & (TCP_FLAG.SYN | TCP_FLAG.RST) ? 0 : blockCount(c);
  if (count > 0) {
    fillBlocks(c, count);
    length += writeSack(buffer, at + length, edges, count);
  }
  return length;
}

function hasDuplicate(c: Connection): boolean {
  return c.hasReceived && c.receiving.hasDuplicate;
}

function blockCount(c: Connection): number {
  if (!c.usesSack) return 0;
  const blocks = c.ahead.count + (hasDuplicate(c) ? 1 : 0);
  return Math.min(blocks, c.usesTimestamps ? MOST_SACK_BLOCKS - 1 : MOST_SACK_BLOCKS);
}

/**
 * RFC 2018 4: first a duplicate (RFC 2883 4), then the ranges. Of the ranges, those that changed
 * last come first.
 */
function fillBlocks(c: Connection, count: number): void {
  const { ahead } = c;
  let filled = 0;
  if (hasDuplicate(c)) {
    edges[0] = c.receiving.duplicateStart;
    edges[1] = c.receiving.duplicateEnd;
    filled = 1;
  }
  const first = filled;
  for (let i = 0; c.hasReceived && i < c.receiving.recentBlockCount && filled < count; i++) {
    const index = ahead.find(distance(c.receiving.recentBlocks[i], c.receiveNext) + 1);
    if (index < ahead.count) filled = addBlock(c, index, first, filled);
  }
  for (let i = 0; i < ahead.count && filled < count; i++) filled = addBlock(c, i, first, filled);
}

/** Adds a range, unless it is in the list already. Returns the number of blocks. */
function addBlock(c: Connection, index: number, first: number, filled: number): number {
  const { ahead } = c;
  const start = (c.receiveNext + ahead.start(index)) | 0;
  for (let i = first; i < filled; i++) if (edges[i * 2] === start) return filled;
  edges[filled * 2] = start;
  edges[filled * 2 + 1] = (c.receiveNext + ahead.end(index)) | 0;
  return filled + 1;
}

/**
 * RFC 9293 3.8.6.2.2: the right edge of the window never moves back, and moves forward only by a
 * worthwhile amount. A SYN has a window that is not scaled (RFC 7323 2.2).
 */
function windowField(c: Connection, flags: number): number {
  if (flags & TCP_FLAG.RST) return 0;
  const { receiveNext } = c;
  const edge = (receiveNext + c.receiveRoom) | 0;
  const gain = distance(edge, c.announcedEdge);
  const isWorthwhile = gain >= Math.min(c.receiveCapacity / 2, c.segmentSize);
  if ((isWorthwhile && gain > 0) || isAfter(receiveNext, c.announcedEdge)) c.announcedEdge = edge;
  const window = distance(c.announcedEdge, receiveNext);
  const scale = flags & TCP_FLAG.SYN ? 0 : Math.max(0, c.receiveScale);
  const field = Math.min(0xffff, Math.ceil(window / 2 ** scale));
  c.announcedEdge = (receiveNext + field * 2 ** scale) | 0;
  return field;
}

function writeChecksum(
  state: StackState,
  c: Connection,
  segment: SegmentToWrite,
  transport: number,
  length: number,
): void {
  const { buffer, offset, offload } = segment;
  const pseudo = pseudoSum(state.header, length);
  const at = transport + TCP_CHECKSUM_OFFSET;
  if (!offload) {
    writeUint16(buffer, at, ~sumBytes(buffer, transport, length, pseudo));
    return;
  }
  const headerLength = length - segment.length;
  const gsoSize = c.segmentSize - sackBytes(headerLength, c);
  const isSuper = segment.length > gsoSize && !segment.isProbe;
  const type = c.remote.version === 4 ? OFFLOAD.TCPV4 : OFFLOAD.TCPV6;
  offload.flags = OFFLOAD.NEEDS_CHECKSUM;
  offload.gsoType = isSuper ? type : OFFLOAD.NONE;
  offload.headerLength = transport - offset + headerLength;
  offload.gsoSize = isSuper ? gsoSize : 0;
  offload.checksumStart = transport - offset;
  offload.checksumOffset = TCP_CHECKSUM_OFFSET;
  writeUint16(buffer, at, pseudo);
}

/** Returns how many bytes the options have without the timestamps. */
function sackBytes(headerLength: number, c: Connection): number {
  return headerLength - TCP_HEADER_LENGTH - (c.usesTimestamps ? TIMESTAMPS_LENGTH : 0);
}

/** Records that the acknowledgement is sent. */
function settle(c: Connection): void {
  c.needsAck = false;
  c.lastAckSent = c.receiveNext;
  if (c.quickAcks > 0) c.quickAcks--;
  c.ackAt = Infinity;
  if (!c.hasReceived) return;
  const { receiving } = c;
  receiving.unackedBytes = 0;
  receiving.hasDuplicate = false;
}

/** The SACK blocks of the segment that is being written. */
const edges = new Int32Array(2 * MOST_SACK_BLOCKS);
const ECT_0 = 2;
