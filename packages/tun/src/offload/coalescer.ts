/**
 * Putting packets together: consecutive TCP segments or UDP datagrams of one flow become one
 * super-packet, which costs the kernel one walk through its stack instead of up to 64.
 *
 * ```
 * packets   A1 B1 A2 A3 c B2        c: nothing that can be put together
 * items     [A1 A2 A3] [B1 B2] [c]
 * ```
 *
 * Items leave in the order of their first packet. A packet that stays alone is written from where it
 * stands; a super-packet is copied together when it leaves. Nothing is remembered between batches, and
 * nothing is allocated per packet.
 *
 * @module
 */
import { CoalescedItem, NONE } from './coalesced-item.ts';
import { finishSuperPacket } from './finish-super-packet.ts';
import {
  hasRightChecksums,
  haveEqualHeaders,
  isSameFlow,
  SegmentKind,
  TransportSegment,
} from './transport-segment.ts';
import { clearVnetHeader, VNET_HEADER_LENGTH } from './vnet-header.ts';

/** Bytes at `outputOffset`: the longest packet and its vnet header. */
export const COALESCER_OUTPUT_LENGTH: number = 65535 + VNET_HEADER_LENGTH;

/**
 * Takes one packet or super-packet, its vnet header at `offset`, to the TUN device. The buffer is
 * borrowed for the call.
 *
 * @param packets how many it consists of
 * @returns false if the kernel refused it: a super-packet's packets then come one by one
 */
export type PacketWriter = (
  buffer: Uint8Array,
  offset: number,
  length: number,
  packets: number,
) => boolean;

export interface CoalescerOptions {
  /** The memory in which all packets stand; kept. */
  buffer: Uint8Array;
  /** Where in it super-packets are put together: `COALESCER_OUTPUT_LENGTH` bytes. */
  outputOffset: number;
  write: PacketWriter;
  /** Packets that are kept at most before they are written. Default 256. */
  capacity?: number;
  /** Default true. Where packets are known to come from a sender's own stack, it only costs. */
  verifyChecksums?: boolean;
}

const BUCKETS = 256;

export class Coalescer {
  /** Switched off at run time when a kernel refuses super-packets of this kind. */
  tcp: boolean = true;
  udp: boolean = true;
  readonly #buffer: Uint8Array;
  readonly #view: DataView;
  readonly #outputOffset: number;
  readonly #write: PacketWriter;
  readonly #verifyChecksums: boolean;
  readonly #capacity: number;
  readonly #segment: TransportSegment = new TransportSegment();
  /** Packets in the order of arrival: where they stand, and which one follows in their item. */
  readonly #offsets: Uint32Array;
  readonly #lengths: Uint32Array;
  readonly #following: Int32Array;
  #packetCount = 0;
  readonly #items: CoalescedItem[] = [];
  #itemCount = 0;
  /** The newest item of each bucket of flows. */
  readonly #buckets: Int32Array = new Int32Array(BUCKETS).fill(NONE);

  /** @throws {RangeError} the output does not fit into the buffer */
  constructor(options: CoalescerOptions) {
    const { buffer, outputOffset, write, capacity = 256, verifyChecksums = true } = options;
    if (outputOffset < 0 || outputOffset + COALESCER_OUTPUT_LENGTH > buffer.length) {
      const room = `room for ${COALESCER_OUTPUT_LENGTH} bytes in "buffer"`;
      throw new RangeError(`"outputOffset" expected ${room}, got ${outputOffset}`);
    }
    this.#buffer = buffer;
    this.#view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    this.#outputOffset = outputOffset;
    this.#write = write;
    this.#verifyChecksums = verifyChecksums;
    this.#capacity = capacity;
    this.#offsets = new Uint32Array(capacity);
    this.#lengths = new Uint32Array(capacity);
    this.#following = new Int32Array(capacity);
    for (let i = 0; i < capacity; i++) this.#items.push(new CoalescedItem());
  }

  /**
   * Takes an IP packet, `length` bytes as its header says. It stays where it is, and
   * `VNET_HEADER_LENGTH` bytes in front of it are overwritten, by the next `flush`. When there is no
   * room left, what came before is written first.
   *
   * @throws {RangeError} the packet is not within the buffer, with the room in front of it
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

  /** Writes all that was added, and forgets it. */
  flush(): void {
    const count = this.#itemCount;
    for (let i = 0; i < count; i++) this.#buckets[this.#items[i].bucket] = NONE;
    this.#itemCount = 0;
    this.#packetCount = 0;
    for (let i = 0; i < count; i++) this.#emit(this.#items[i]);
  }

  /** Newest item first; a gap that was filled late is closed by the packet before it. */
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

  /** Only the newest item of the flow, so that datagrams are never reordered. */
  #addUdp(packet: number): void {
    const segment = this.#segment;
    for (let i = this.#newest(); i !== NONE; i = this.#items[i].older) {
      const item = this.#items[i];
      if (!this.#isOfFlow(item)) continue;
      if (segment.kind === SegmentKind.closedUdp || !item.takes(segment)) break;
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

  /** Once per item, at its first merge: the kernel takes a super-packet's checksums for right. */
  #isVerified(item: CoalescedItem): boolean {
    if (!this.#verifyChecksums || item.packets > 1) return true;
    const offset = this.#offsets[item.first];
    const length = this.#lengths[item.first];
    const right = hasRightChecksums(this.#buffer, offset, item.ipHeaderLength, length, item.kind);
    if (!right) item.isClosed = true;
    return right;
  }

  #segmentIsVerified(): boolean {
    if (!this.#verifyChecksums) return true;
    const { offset, ipHeaderLength, headerLength, payloadLength, kind } = this.#segment;
    const length = headerLength + payloadLength;
    return hasRightChecksums(this.#buffer, offset, ipHeaderLength, length, kind);
  }

  #putLast(item: CoalescedItem, packet: number): void {
    this.#following[item.last] = packet;
    item.last = packet;
    item.grow(this.#segment);
  }

  #putFirst(item: CoalescedItem, packet: number): void {
    const { sequence, payloadLength } = this.#segment;
    this.#following[packet] = item.first;
    item.first = packet;
    item.sequence = sequence;
    item.gsoSize = payloadLength;
    item.grow(this.#segment);
  }

  /** A new item, after all others. `isFound`: later packets of its flow shall find it. */
  #append(packet: number, isFound: boolean): void {
    const index = this.#itemCount++;
    const item = this.#items[index];
    const segment = this.#segment;
    item.begin(packet, segment);
    if (!isFound) return;
    const bucket = segment.flowHash & (BUCKETS - 1);
    item.bucket = bucket;
    item.older = this.#buckets[bucket];
    this.#buckets[bucket] = index;
  }

  #emit(item: CoalescedItem): void {
    if (item.packets > 1) {
      const length = this.#putTogether(item);
      if (this.#write(this.#buffer, this.#outputOffset, length, item.packets)) return;
    }
    for (let packet = item.first; packet !== NONE; packet = this.#following[packet]) {
      const at = this.#offsets[packet] - VNET_HEADER_LENGTH;
      clearVnetHeader(this.#buffer, at);
      this.#write(this.#buffer, at, VNET_HEADER_LENGTH + this.#lengths[packet], 1);
    }
  }

  /** @returns the length of what then stands at `#outputOffset` */
  #putTogether(item: CoalescedItem): number {
    const buffer = this.#buffer;
    const { headerLength } = item;
    const ip = this.#outputOffset + VNET_HEADER_LENGTH;
    const first = this.#offsets[item.first];
    buffer.copyWithin(ip, first, first + headerLength);
    let end = ip + headerLength;
    for (let packet = item.first; packet !== NONE; packet = this.#following[packet]) {
      const from = this.#offsets[packet];
      const to = from + this.#lengths[packet];
      buffer.copyWithin(end, from + headerLength, to);
      end += to - from - headerLength;
    }
    finishSuperPacket(item, buffer, ip, end - ip);
    return end - this.#outputOffset;
  }
}
