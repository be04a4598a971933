/**
 * One line of a coalescer's output: a packet, and those that were joined to it.
 *
 * @module
 */
import { SegmentKind, type TransportSegment } from './transport-segment.ts';

/** UDP_MAX_SEGMENTS of kernels before 6.9. */
const MAX_DATAGRAMS = 64;
const LONGEST_PACKET = 65535;

/** An index that points at nothing. */
export const NONE: number = -1;

/** Packets are numbers that the coalescer gives; those of an item are chained by it. */
export class CoalescedItem {
  kind: SegmentKind = SegmentKind.other;
  /** In the order of the data. */
  first: number = 0;
  last: number = 0;
  packets: number = 0;
  ipHeaderLength: number = 0;
  headerLength: number = 0;
  /** Of all packets together. */
  payloadLength: number = 0;
  /** Payload of each but the last. */
  gsoSize: number = 0;
  /** Of the first byte; as a signed 32-bit number. */
  sequence: number = 0;
  /** The last one has PSH: nothing may follow it. */
  push: boolean = false;
  /** Nothing may be joined to it. */
  isClosed: boolean = false;
  bucket: number = 0;
  /** The next older item of the bucket. */
  older: number = NONE;

  /** Begins anew, with one packet. */
  begin(packet: number, segment: TransportSegment): void {
    this.kind = segment.kind;
    this.first = packet;
    this.last = packet;
    this.packets = 1;
    this.ipHeaderLength = segment.ipHeaderLength;
    this.headerLength = segment.headerLength;
    this.payloadLength = segment.payloadLength;
    this.gsoSize = segment.payloadLength;
    this.sequence = segment.sequence;
    this.push = segment.push;
    this.isClosed = segment.kind === SegmentKind.closedUdp;
    this.bucket = 0;
    this.older = NONE;
  }

  /** TCP: the segment's data follow the item's. */
  isFollowedBy(segment: TransportSegment): boolean {
    const end = (this.sequence + this.payloadLength) | 0;
    return segment.sequence === end && !this.push && this.#hasRoomFor(segment);
  }

  /** TCP: the item's data follow the segment's, whose size is the one that counts then. */
  isPrecededBy(segment: TransportSegment): boolean {
    const { sequence, payloadLength, push } = segment;
    if (((sequence + payloadLength) | 0) !== this.sequence || push) return false;
    if (payloadLength < this.gsoSize || !this.#fits(segment)) return false;
    // A single packet becomes the short tail; several are of one size already.
    return payloadLength === this.gsoSize || this.packets === 1;
  }

  /** UDP: one more datagram is allowed. */
  takes(segment: TransportSegment): boolean {
    return !this.isClosed && this.packets < MAX_DATAGRAMS && this.#hasRoomFor(segment);
  }

  /** After `packet` was chained in. */
  grow(segment: TransportSegment): void {
    this.packets++;
    this.payloadLength += segment.payloadLength;
    this.push ||= segment.push;
  }

  /** Nothing may follow a short tail, and nothing longer than the others be one. */
  #hasRoomFor(segment: TransportSegment): boolean {
    if (this.payloadLength % this.gsoSize !== 0) return false;
    return segment.payloadLength <= this.gsoSize && this.#fits(segment);
  }

  #fits({ headerLength, payloadLength }: TransportSegment): boolean {
    if (headerLength !== this.headerLength) return false;
    return headerLength + this.payloadLength + payloadLength <= LONGEST_PACKET;
  }
}
