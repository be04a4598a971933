/**
 * `Coalescer`: joins consecutive TCP segments or UDP datagrams of one flow to a super-packet. Then
 * the network stack of the kernel processes one packet instead of many.
 *
 * ```
 * packets   A1 B1 A2 A3 c B2        c: a packet that cannot be joined
 * items     [A1 A2 A3] [B1 B2] [c]
 * ```
 *
 * Items are written in the order of their first packets. Packets are not copied: a super-packet is
 * written in pieces, which are its whole first packet and the payloads of the others. Nothing is
 * kept between batches, and nothing is allocated per packet.
 *
 * @module
 */
import { CoalescedItem, NONE } from './coalesced-item.ts';
import { finishSuperPacket } from './finish-super-packet.ts';
import {
  hasRightIpChecksum,
  hasRightTransportChecksum,
  haveEqualHeaders,
  isSameFlow,
  SegmentKind,
  TransportSegment,
} from './transport-segment.ts';
import { finishTrustedPacket } from './trusted-packet.ts';
import { clearVnetHeader, VNET_HEADER_LENGTH } from './vnet-header.ts';

/**
 * Offsets and lengths of the pieces of a packet in the coalescer's buffer. Reused for every packet.
 */
export interface PacketPieces {
  readonly offsets: Uint32Array;
  readonly lengths: Uint32Array;
}

/**
 * Writes one packet or super-packet to the TUN device: the first `count` pieces in order, with the
 * vnet header in front. All arguments are borrowed for the call.
 *
 * @param packets how many packets were joined; 1: a single packet
 * @returns false if the kernel refused it; the packets of a super-packet are then written one by
 *   one
 */
export type PacketWriter = (pieces: PacketPieces, count: number, packets: number) => boolean;

/** The options of a `Coalescer`. */
export interface CoalescerOptions {
  /** The buffer that contains all packets. The coalescer keeps a reference to it. */
  buffer: Uint8Array;
  write: PacketWriter;
  /** How many packets are kept before they are written. Default 256. */
  capacity?: number;
  /**
   * Whether to verify checksums of TCP and UDP. Default true: a packet with a wrong checksum is not
   * joined, and the kernel drops it. False: the kernel is told to trust the checksums of all
   * packets, also of packets that are not joined. The checksum of an IPv4 header is always verified
   * before a packet is joined.
   */
  verifyChecksums?: boolean;
}

/** Joins the packets of one batch: `add` each packet, then `flush`. */
export class Coalescer {
  /**
   * Whether TCP segments are joined. The owner sets it to false if the kernel refuses TCP
   * super-packets.
   */
  tcp: boolean = true;
  /** The same for UDP datagrams. */
  udp: boolean = true;
  readonly #buffer: Uint8Array;
  readonly #view: DataView;
  readonly #write: PacketWriter;
  readonly #verifyChecksums: boolean;
  readonly #capacity: number;
  readonly #segment: TransportSegment = new TransportSegment();
  /**
   * Packets in the order of arrival: their offset and length, and the number of the next packet in
   * their item.
   */
  readonly #offsets: Uint32Array;
  readonly #lengths: Uint32Array;
  readonly #following: Int32Array;
  readonly #pieces: PacketPieces;
  /** The original headers of a super-packet's first packet. */
  readonly #headers: Uint8Array = new Uint8Array(LONGEST_HEADERS);
  #packetCount = 0;
  readonly #items: CoalescedItem[] = [];
  #itemCount = 0;
  /** Index of the newest item of each bucket of flows. */
  readonly #buckets: Int32Array = new Int32Array(BUCKETS).fill(NONE);

  constructor(options: CoalescerOptions) {
    const { buffer, write, capacity = 256, verifyChecksums = true } = options;
    this.#buffer = buffer;
    this.#view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    this.#write = write;
    this.#verifyChecksums = verifyChecksums;
    this.#capacity = capacity;
    this.#offsets = new Uint32Array(capacity);
    this.#lengths = new Uint32Array(capacity);
    this.#following = new Int32Array(capacity);
    this.#pieces = { offsets: new Uint32Array(capacity), lengths: new Uint32Array(capacity) };
    for (let i = 0; i < capacity; i++) this.#items.push(new CoalescedItem());
  }

  /**
   * Adds an IP packet. `length` must be the length in its IP header. The packet is not copied. The
   * next `flush` may overwrite its headers and the `VNET_HEADER_LENGTH` bytes in front of it. If
   * the coalescer is full, the earlier packets are written first.
   *
   * @throws {RangeError} the packet and the vnet header in front of it are not within the buffer
   */
  add(offset: number, length: number): void {
    if (offset < VNET_HEADER_LENGTH || length < 0 || offset + length > this.#buffer.length) {
      throw new RangeError(`"offset" expected a packet in the buffer, got ${offset}, ${length}`);
    }
    if (this.#packetCount === this.#capacity) this.flush();
    const packet = this.#packetCount++;
    this.#offsets[packet] = offset;
    this.#lengths[packet] = length;
    this.#following[packet] = NONE;
    const segment = this.#segment;
    segment.read(this.#view, offset, length);
    if (segment.kind === SegmentKind.tcp && this.tcp) this.#addTcp(packet);
    else if (segment.kind >= SegmentKind.udp && this.udp) this.#addUdp(packet);
    else this.#append(packet, false);
  }

  /** Writes all packets that were added, and forgets them. */
  flush(): void {
    const count = this.#itemCount;
    for (let i = 0; i < count; i++) this.#buckets[this.#items[i].bucket] = NONE;
    this.#itemCount = 0;
    this.#packetCount = 0;
    for (let i = 0; i < count; i++) this.#emit(this.#items[i]);
  }

  /**
   * Looks for an item that the segment can be joined to, the newest first. A segment that arrives
   * late can be joined in front of an item.
   */
  #addTcp(packet: number): void {
    const segment = this.#segment;
    for (let i = this.#newest(); i !== NONE; i = this.#items[i].older) {
      const item = this.#items[i];
      if (item.isClosed || !this.#isOfFlow(item)) continue;
      const isLast = item.isFollowedBy(segment);
      if (!isLast && !item.isPrecededBy(segment)) continue;
      if (!this.#hasEqualHeaders(item, isLast ? item.packets : -1)) continue;
      if (!this.#isVerified(item)) continue;
      if (!this.#segmentIsVerified()) return this.#append(packet, false);
      return isLast ? this.#putLast(item, packet) : this.#putFirst(item, packet);
    }
    return this.#append(packet, true);
  }

  /** Looks only at the newest item of the flow, so that datagrams are never reordered. */
  #addUdp(packet: number): void {
    const segment = this.#segment;
    for (let i = this.#newest(); i !== NONE; i = this.#items[i].older) {
      const item = this.#items[i];
      if (!this.#isOfFlow(item)) continue;
      if (segment.kind === SegmentKind.closedUdp || !item.canJoinDatagram(segment)) break;
      if (!this.#hasEqualHeaders(item, item.packets) || !this.#isVerified(item)) break;
      if (this.#segmentIsVerified()) return this.#putLast(item, packet);
      segment.kind = SegmentKind.closedUdp;
      break;
    }
    return this.#append(packet, true);
  }

  #newest(): number {
    return this.#buckets[this.#segment.flowHash & (BUCKETS - 1)];
  }

  #isOfFlow(item: CoalescedItem): boolean {
    const { offset, kind, ipHeaderLength } = this.#segment;
    if ((item.kind === SegmentKind.tcp) !== (kind === SegmentKind.tcp)) return false;
    return isSameFlow(this.#view, this.#offsets[item.first], offset, ipHeaderLength, kind);
  }

  #hasEqualHeaders(item: CoalescedItem, distance: number): boolean {
    const segment = this.#segment;
    const first = this.#offsets[item.first];
    return haveEqualHeaders(this.#view, first, segment.offset, segment, distance);
  }

  /**
   * Verifies the first packet of an item before a second one is joined, because the kernel trusts
   * the checksums of a super-packet.
   */
  #isVerified(item: CoalescedItem): boolean {
    if (item.packets > 1) return true;
    const { kind, ipHeaderLength } = item;
    const right = this.#hasRightChecksums(item.first, ipHeaderLength, kind);
    if (!right) item.isClosed = true;
    return right;
  }

  /** Verifies the packet that `#segment` was read from. */
  #segmentIsVerified(): boolean {
    const { ipHeaderLength, kind } = this.#segment;
    return this.#hasRightChecksums(this.#packetCount - 1, ipHeaderLength, kind);
  }

  #hasRightChecksums(packet: number, ipHeaderLength: number, kind: SegmentKind): boolean {
    const at = this.#offsets[packet];
    if (!hasRightIpChecksum(this.#view, at, ipHeaderLength)) return false;
    if (!this.#verifyChecksums) return true;
    const length = this.#lengths[packet];
    return hasRightTransportChecksum(this.#buffer, at, ipHeaderLength, length, kind);
  }

  #putLast(item: CoalescedItem, packet: number): void {
    this.#following[item.last] = packet;
    item.last = packet;
    item.addLengths(this.#segment);
  }

  #putFirst(item: CoalescedItem, packet: number): void {
    const { sequence, payloadLength } = this.#segment;
    this.#following[packet] = item.first;
    item.first = packet;
    item.sequence = sequence;
    item.gsoSize = payloadLength;
    item.addLengths(this.#segment);
  }

  /**
   * Adds a new item after all others. `isJoinable`: whether later packets of its flow may be joined
   * to it.
   */
  #append(packet: number, isJoinable: boolean): void {
    const index = this.#itemCount++;
    const item = this.#items[index];
    const segment = this.#segment;
    item.begin(packet, segment);
    if (!isJoinable) return;
    const bucket = segment.flowHash & (BUCKETS - 1);
    item.bucket = bucket;
    item.older = this.#buckets[bucket];
    this.#buckets[bucket] = index;
  }

  #emit(item: CoalescedItem): void {
    if (item.packets > 1 && this.#writeTogether(item)) return;
    const { offsets, lengths } = this.#pieces;
    for (let packet = item.first; packet !== NONE; packet = this.#following[packet]) {
      const ip = this.#offsets[packet];
      const length = this.#lengths[packet];
      if (this.#verifyChecksums) clearVnetHeader(this.#buffer, ip - VNET_HEADER_LENGTH);
      else finishTrustedPacket(this.#buffer, ip, length);
      offsets[0] = ip - VNET_HEADER_LENGTH;
      lengths[0] = VNET_HEADER_LENGTH + length;
      this.#write(this.#pieces, 1, 1);
    }
  }

  /** @returns whether the super-packet was written; if not, all packets are unchanged */
  #writeTogether(item: CoalescedItem): boolean {
    const buffer = this.#buffer;
    const { offsets, lengths } = this.#pieces;
    const { first, headerLength } = item;
    const ip = this.#offsets[first];
    for (let i = 0; i < headerLength; i++) this.#headers[i] = buffer[ip + i];
    offsets[0] = ip - VNET_HEADER_LENGTH;
    lengths[0] = VNET_HEADER_LENGTH + this.#lengths[first];
    let count = 1;
    for (let packet = this.#following[first]; packet !== NONE; packet = this.#following[packet]) {
      offsets[count] = this.#offsets[packet] + headerLength;
      lengths[count] = this.#lengths[packet] - headerLength;
      count++;
    }
    finishSuperPacket(item, buffer, ip, headerLength + item.payloadLength);
    if (this.#write(this.#pieces, count, item.packets)) return true;
    for (let i = 0; i < headerLength; i++) buffer[ip + i] = this.#headers[i];
    return false;
  }
}

const BUCKETS = 256;
/** In bytes: IPv6 without extension headers, and TCP with all its options. */
const LONGEST_HEADERS = 100;
