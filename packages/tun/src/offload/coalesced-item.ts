/**
 * `CoalescedItem`: one item of a coalescer's output: a packet, and the packets that were joined to
 * it.
 *
 * @module
 */
import { SegmentKind, type TransportSegment } from './transport-segment.ts';

/**
 * An item. The coalescer assigns a number to each packet, and it chains the packets of an item by
 * these numbers.
 */
export class CoalescedItem {
  kind: SegmentKind = SegmentKind.other;
  /** The first and the last packet, in the order of their data. */
  first: number = 0;
  last: number = 0;
  packets: number = 0;
  ipHeaderLength: number = 0;
  headerLength: number = 0;
  /** Bytes of payload of all packets together. */
  payloadLength: number = 0;
  /** Bytes of payload of each packet except the last. */
  gsoSize: number = 0;
  /** Sequence number of the first byte, as a signed 32-bit number. */
  sequence: number = 0;
  /** Whether the last packet has PSH. Then no packet may follow it. */
  push: boolean = false;
  /** Whether no packet may be joined to the item. */
  isClosed: boolean = false;
  /** The bucket of the flow: the coalescer groups items by a hash of their flow. */
  bucket: number = 0;
  /** Index of the next older item of the bucket. */
  older: number = NONE;

  /** Makes this an item with one packet. */
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

  /** TCP: whether the segment's data follow the item's data, and the segment may be joined. */
  isFollowedBy(segment: TransportSegment): boolean {
    const end = (this.sequence + this.payloadLength) | 0;
    return segment.sequence === end && !this.push && this.#canAppend(segment);
  }

  /**
   * TCP: whether the item's data follow the segment's data, and the segment may be joined. When the
   * segment is joined, the length of its payload becomes the item's `gsoSize`.
   */
  isPrecededBy(segment: TransportSegment): boolean {
    const { sequence, payloadLength, push } = segment;
    if (((sequence + payloadLength) | 0) !== this.sequence || push) return false;
    if (payloadLength < this.gsoSize || !this.#fits(segment)) return false;
    // A single packet becomes the last segment, which may be shorter. Several packets already have
    // a common size, and the segment must have the same size.
    return payloadLength === this.gsoSize || this.packets === 1;
  }

  /** UDP: whether one more datagram may be joined. */
  canJoinDatagram(segment: TransportSegment): boolean {
    return !this.isClosed && this.packets < MAX_DATAGRAMS && this.#canAppend(segment);
  }

  /** Updates the lengths after a packet was added to the chain. */
  addLengths(segment: TransportSegment): void {
    this.packets++;
    this.payloadLength += segment.payloadLength;
    this.push ||= segment.push;
  }

  /**
   * Whether the segment may follow. No segment may follow a shorter one, and none may be longer
   * than the others.
   */
  #canAppend(segment: TransportSegment): boolean {
    if (this.payloadLength % this.gsoSize !== 0) return false;
    return segment.payloadLength <= this.gsoSize && this.#fits(segment);
  }

  #fits({ headerLength, payloadLength }: TransportSegment): boolean {
    if (headerLength !== this.headerLength) return false;
    return headerLength + this.payloadLength + payloadLength <= LONGEST_PACKET;
  }
}

/** UDP_MAX_SEGMENTS of kernels before 6.9. */
const MAX_DATAGRAMS = 64;
const LONGEST_PACKET = 65535;
/** An index that means "none". */
export const NONE: number = -1;
