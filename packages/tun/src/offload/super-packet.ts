/**
 * Super-packets of the kernel, taken apart: one TCP or UDP packet of up to 64 KiB becomes the packets
 * that would have been on the wire (drivers/net/tun.c, include/linux/virtio_net.h, and
 * tcp_gso_segment / __udp_gso_segment for what differs between segments).
 *
 * ```
 * source: vnet header | IP header | TCP or UDP header | payload ...........................
 * slab:   headroom | headers | payload 1 | tailroom ... headroom | headers | payload 2 | tailroom
 * ```
 *
 * Nothing of the input is trusted: hdr_len is computed anew, since on forwarded traffic it may cover a
 * whole packet.
 *
 * @module
 */
import type { ByteOperations } from './byte-operations.ts';
import { viewOf } from './byte-view.ts';
import { foldSum, pseudoHeaderSum, sumBytes } from './checksum.ts';
import {
  createVnetHeader,
  decodeVnetHeader,
  VNET_FLAG_NEEDS_CHECKSUM,
  VNET_GSO_NONE,
  VNET_GSO_TCPV4,
  VNET_GSO_TCPV6,
  VNET_GSO_UDP_L4,
  VNET_HEADER_LENGTH,
  type VnetHeader,
} from './vnet-header.ts';

/** Why a super-packet is not taken apart. */
export const SplitFailure = {
  /** Shorter than the vnet header and its own headers, or longer than an IP packet can be. */
  badLength: -1,
  /** A gso_type that was not asked for. */
  unknownType: -2,
  /** Not the IP version or the protocol that the type says. */
  wrongProtocol: -3,
  badIpHeader: -4,
  badTransportHeader: -5,
  /** The checksum would be outside of the packet, or not where the protocol has it. */
  badChecksumField: -6,
  /** A type without a gso_size. */
  noSegmentSize: -7,
  /** More segments than `capacity`; nothing was written. */
  tooManySegments: -8,
  /** A segment with its rooms does not fit into `stride`, or the slab not into its buffer. */
  slabTooSmall: -9,
} as const;

/** Where segments go: segment i stands at `offset + i * stride + headroom`. */
export interface SegmentSlab {
  /** Copying is fastest, and allocates nothing, in the buffer that the super-packet stands in. */
  buffer: Uint8Array;
  offset: number;
  /** From one segment to the next. */
  stride: number;
  /** Bytes in front of each segment that are left alone. */
  headroom: number;
  /** Bytes behind each segment, within `stride`, that are left alone. */
  tailroom: number;
  /** The number of segments it has room for. */
  capacity: number;
  /** Gets the length of each segment. */
  lengths: Uint16Array | Uint32Array;
}

/**
 * Writes all segments of the super-packet, `length` bytes from its vnet header at `offset` on, into the
 * slab. The source is left as it is; the slab must not overlap it.
 *
 * @returns how many, or a negative {@link SplitFailure}
 */
export function splitSuperPacket(
  source: Uint8Array,
  offset: number,
  length: number,
  slab: SegmentSlab,
): number {
  const count = shared.begin(source, offset, length);
  if (count > slab.capacity) return SplitFailure.tooManySegments;
  return count < 0 ? count : shared.next(slab);
}

const TCP = 6;
const UDP = 17;
const TCP_FLAGS = 13;
const TCP_FIN_AND_PSH = 0x09;
const TCP_CHECKSUM = 16;
const UDP_CHECKSUM = 6;
const UDP_HEADER_LENGTH = 8;
/** IPv6 does not count its own header. */
const LONGEST_PACKET = 40 + 65535;
/** More than any link carries. */
const LONGEST_SINGLE = 65535;

/** Takes one super-packet after the other apart, each in as many rounds as its caller needs. */
export class SuperPacketSplitter {
  readonly #vnet: VnetHeader = createVnetHeader();
  readonly #bytes: ByteOperations | undefined;
  #source: Uint8Array = new Uint8Array(0);
  /** Of the IP header in `#source`. */
  #start = 0;
  #length = 0;
  #ipHeaderLength = 0;
  #headerLength = 0;
  /** 0: a single packet. */
  #protocol = 0;
  #count = 0;
  #done = 0;
  /** What is the same in the transport checksum of every segment, and in the IPv4 header's. */
  #transportBase = 0;
  #ipBase = 0;

  /** @param bytes used where a super-packet and its segments stand in its memory */
  constructor(bytes?: ByteOperations) {
    this.#bytes = bytes;
  }

  /**
   * Checks the super-packet of `length` bytes whose vnet header is at `offset`. The buffer is borrowed
   * until the last `next`.
   *
   * @returns the number of its segments, or a negative {@link SplitFailure}
   */
  begin(buffer: Uint8Array, offset: number, length: number): number {
    this.#source = buffer;
    this.#start = offset + VNET_HEADER_LENGTH;
    this.#length = length - VNET_HEADER_LENGTH;
    this.#done = 0;
    this.#count = 0;
    if (this.#length < 1 || this.#length > LONGEST_PACKET) return SplitFailure.badLength;
    decodeVnetHeader(buffer, offset, this.#vnet);
    const isSingle = this.#vnet.gsoType === VNET_GSO_NONE;
    if (!isSingle && this.#length < 20) return SplitFailure.badLength;
    if (isSingle && this.#length > LONGEST_SINGLE) return SplitFailure.badLength;
    const failure = isSingle ? this.#checkSingle() : this.#check();
    if (failure !== 0) return failure;
    const payload = this.#length - this.#headerLength;
    this.#count = this.#protocol === 0 ? 1 : Math.max(1, Math.ceil(payload / this.#vnet.gsoSize));
    if (this.#protocol !== 0) this.#sumCommonParts();
    return this.#count;
  }

  /** Of every segment but the last, which may be shorter; valid after `begin`. */
  get segmentLength(): number {
    if (this.#protocol === 0) return this.#length;
    return Math.min(this.#length, this.#headerLength + this.#vnet.gsoSize);
  }

  /**
   * Writes as many of the segments that are left as the slab takes.
   *
   * @returns how many: 0 when all were written; or `SplitFailure.slabTooSmall`
   */
  next(slab: SegmentSlab): number {
    const count = Math.min(slab.capacity, this.#count - this.#done);
    const { buffer, offset, stride, headroom, tailroom } = slab;
    if (headroom + this.segmentLength + tailroom > stride) return SplitFailure.slabTooSmall;
    if (offset + count * stride > buffer.length || count > slab.lengths.length) {
      return SplitFailure.slabTooSmall;
    }
    for (let i = 0; i < count; i++) {
      slab.lengths[i] = this.write(buffer, offset + i * stride + headroom);
    }
    return count;
  }

  /**
   * Writes the next segment at `at`, at most `segmentLength` bytes; the caller has looked that they
   * are within `target` and that a segment is left.
   *
   * @returns its length
   */
  write(target: Uint8Array, at: number): number {
    const index = this.#done++;
    if (this.#protocol === 0) return this.#writeSingle(target, at);
    const { gsoSize } = this.#vnet;
    const headerLength = this.#headerLength;
    const from = this.#start + headerLength + index * gsoSize;
    const payload = Math.min(gsoSize, this.#length - headerLength - index * gsoSize);
    this.#copyHeaders(target, at);
    const sum = this.#copyAndSum(from, payload, target, at + headerLength);
    this.#finishIp(target, at, headerLength + payload, index);
    this.#finishTransport(target, at, headerLength + payload, index, sum);
    return headerLength + payload;
  }

  #checkSingle(): number {
    const { flags, checksumStart, checksumOffset } = this.#vnet;
    this.#protocol = 0;
    this.#headerLength = 0;
    if ((flags & VNET_FLAG_NEEDS_CHECKSUM) === 0) return 0;
    const end = checksumStart + checksumOffset + 2;
    return checksumStart < 20 || end > this.#length ? SplitFailure.badChecksumField : 0;
  }

  #check(): number {
    const { gsoType, gsoSize, checksumStart, checksumOffset } = this.#vnet;
    const isUdp = gsoType === VNET_GSO_UDP_L4;
    if (!isUdp && gsoType !== VNET_GSO_TCPV4 && gsoType !== VNET_GSO_TCPV6) {
      return SplitFailure.unknownType;
    }
    if (gsoSize === 0) return SplitFailure.noSegmentSize;
    const version = this.#source[this.#start] >>> 4;
    if (version !== 4 && version !== 6) return SplitFailure.wrongProtocol;
    if (!isUdp && (gsoType === VNET_GSO_TCPV4) !== (version === 4)) {
      return SplitFailure.wrongProtocol;
    }
    this.#ipHeaderLength = checksumStart;
    this.#protocol = isUdp ? UDP : TCP;
    const failure = version === 4 ? this.#checkIpv4() : this.#checkIpv6();
    if (failure !== 0) return failure;
    if (checksumOffset !== (isUdp ? UDP_CHECKSUM : TCP_CHECKSUM)) {
      return SplitFailure.badChecksumField;
    }
    return this.#checkTransport();
  }

  #checkIpv4(): number {
    const headerLength = (this.#source[this.#start] & 0x0f) * 4;
    if (headerLength < 20 || headerLength !== this.#ipHeaderLength) {
      return SplitFailure.badIpHeader;
    }
    return this.#source[this.#start + 9] === this.#protocol ? 0 : SplitFailure.wrongProtocol;
  }

  /** Extension headers may stand in between; the kernel, which has walked them, says how long. */
  #checkIpv6(): number {
    if (this.#ipHeaderLength < 40 || this.#ipHeaderLength % 8 !== 0) {
      return SplitFailure.badIpHeader;
    }
    if (this.#ipHeaderLength > 40) return 0;
    return this.#source[this.#start + 6] === this.#protocol ? 0 : SplitFailure.wrongProtocol;
  }

  #checkTransport(): number {
    let transportLength = UDP_HEADER_LENGTH;
    if (this.#protocol === TCP) {
      if (this.#ipHeaderLength + 20 > this.#length) return SplitFailure.badLength;
      transportLength = (this.#source[this.#start + this.#ipHeaderLength + 12] >>> 4) * 4;
      if (transportLength < 20) return SplitFailure.badTransportHeader;
    }
    this.#headerLength = this.#ipHeaderLength + transportLength;
    return this.#headerLength > this.#length ? SplitFailure.badLength : 0;
  }

  #writeSingle(target: Uint8Array, at: number): number {
    const length = this.#length;
    const { flags, checksumStart, checksumOffset } = this.#vnet;
    if ((flags & VNET_FLAG_NEEDS_CHECKSUM) === 0) {
      this.#copyAndSum(this.#start, length, target, at);
      return length;
    }
    // The field holds the sum of the pseudo-header, so summing over it includes that.
    for (let i = 0; i < checksumStart; i++) target[at + i] = this.#source[this.#start + i];
    const from = this.#start + checksumStart;
    const sum = this.#copyAndSum(from, length - checksumStart, target, at + checksumStart);
    setChecksum(target, at + checksumStart + checksumOffset, ~sum & 0xffff, checksumOffset);
    return length;
  }

  /**
   * The checksums of all segments have most of their words in common: those are summed once, with the
   * fields that differ taken as zero.
   */
  #sumCommonParts(): void {
    const source = this.#source;
    const view = viewOf(source);
    const ip = this.#start;
    const transport = ip + this.#ipHeaderLength;
    const without = (at: number): number => ~view.getUint16(at) & 0xffff;
    if (source[ip] >>> 4 === 4) {
      const header = sumBytes(source, ip, this.#ipHeaderLength);
      this.#ipBase = foldSum(header + without(ip + 2) + without(ip + 4) + without(ip + 10));
    }
    const headerLength = this.#headerLength - this.#ipHeaderLength;
    const pseudo = pseudoHeaderSum(source, ip, this.#protocol, 0);
    const all = sumBytes(source, transport, headerLength, pseudo);
    const { checksumOffset } = this.#vnet;
    let base = all + without(transport + checksumOffset);
    if (this.#protocol === UDP) base += without(transport + 4);
    else base += without(transport + 4) + without(transport + 6) + without(transport + 12);
    this.#transportBase = foldSum(base);
  }

  #copyHeaders(target: Uint8Array, at: number): void {
    const from = viewOf(this.#source);
    const to = viewOf(target);
    const start = this.#start;
    // Both headers are whole 32-bit words long, and no byte order is in a copy.
    for (let i = 0; i < this.#headerLength; i += 4) to.setInt32(at + i, from.getInt32(start + i));
  }

  #finishIp(target: Uint8Array, at: number, length: number, index: number): void {
    const view = viewOf(target);
    if (target[at] >>> 4 === 6) {
      view.setUint16(at + 4, length - 40);
      return;
    }
    const identification = (view.getUint16(at + 4) + index) & 0xffff;
    view.setUint16(at + 2, length);
    view.setUint16(at + 4, identification);
    view.setUint16(at + 10, ~foldSum(this.#ipBase + length + identification));
  }

  #finishTransport(
    target: Uint8Array,
    at: number,
    length: number,
    index: number,
    payloadSum: number,
  ): void {
    const view = viewOf(target);
    const transport = at + this.#ipHeaderLength;
    const transportLength = length - this.#ipHeaderLength;
    const { gsoSize, checksumOffset } = this.#vnet;
    let sum = this.#transportBase + payloadSum + transportLength;
    if (this.#protocol === TCP) {
      const sequence = (view.getUint32(transport + 4) + index * gsoSize) >>> 0;
      view.setUint32(transport + 4, sequence);
      if (index < this.#count - 1) target[transport + TCP_FLAGS] &= ~TCP_FIN_AND_PSH;
      sum += (sequence >>> 16) + (sequence & 0xffff) + view.getUint16(transport + 12);
    } else {
      view.setUint16(transport + 4, transportLength);
      sum += transportLength;
    }
    setChecksum(target, transport + checksumOffset, ~foldSum(sum) & 0xffff, checksumOffset);
  }

  #copyAndSum(from: number, length: number, target: Uint8Array, to: number): number {
    const source = this.#source;
    const bytes = this.#bytes;
    if (source === target && bytes?.buffer === source) return bytes.copyAndSum(to, from, length);
    if (source === target) target.copyWithin(to, from, from + length);
    else target.set(source.subarray(from, from + length), to);
    return sumBytes(target, to, length);
  }
}

/** A UDP checksum of 0 would mean none, which IPv6 receivers drop (RFC 768, RFC 8200 8.1). */
function setChecksum(target: Uint8Array, at: number, sum: number, checksumOffset: number): void {
  const value = sum === 0 && checksumOffset === UDP_CHECKSUM ? 0xffff : sum;
  target[at] = value >>> 8;
  target[at + 1] = value;
}

const shared = new SuperPacketSplitter();
