/**
 * Splits super-packets of the kernel: one TCP or UDP packet of up to 64 KiB becomes the packets
 * that would have been on the wire. See drivers/net/tun.c and include/linux/virtio_net.h, and
 * tcp_gso_segment / __udp_gso_segment for the differences between segments.
 *
 * ```
 * source: vnet header | IP header | TCP or UDP header | payload ...........................
 * slab:   headroom | headers | payload 1 | tailroom ... headroom | headers | payload 2 | tailroom
 * ```
 *
 * The input is not trusted. The length of the headers is computed here, because the field hdr_len
 * may cover the whole packet if the traffic is forwarded.
 *
 * @module
 */
import type { ByteOperations } from './byte-operations.ts';
import {
  copyAndSum,
  createSegmentPlan,
  setChecksum,
  sumCommonParts,
  writeSegment,
  type SegmentPlan,
} from './segments.ts';
import { TCP, TCP_CHECKSUM, UDP, UDP_CHECKSUM } from './transport-header.ts';
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

/** Why a super-packet cannot be split. */
export const SplitFailure = {
  /**
   * Shorter than the vnet header and the headers of a super-packet, or longer than an IP packet can
   * be.
   */
  badLength: -1,
  /** A gso_type that was not requested. */
  unknownType: -2,
  /** The IP version or the protocol does not match the gso_type. */
  wrongProtocol: -3,
  badIpHeader: -4,
  badTransportHeader: -5,
  /** The checksum field is outside the packet, or not where the protocol has it. */
  badChecksumField: -6,
  /** A gso_type without a gso_size. */
  noSegmentSize: -7,
  /** More segments than the `capacity` of the slab. Nothing was written. */
  tooManySegments: -8,
  /**
   * A segment with headroom and tailroom is longer than `stride`, the slab reaches beyond the end
   * of its buffer, or `lengths` is too short.
   */
  slabTooSmall: -9,
} as const;

/** Memory for segments: segment i is written at `offset + i * stride + headroom`. */
export interface SegmentSlab {
  /**
   * The buffer. If the super-packet is in the same buffer, copying is fastest and allocates
   * nothing.
   */
  buffer: Uint8Array;
  offset: number;
  /** Distance in bytes between the places of two segments. */
  stride: number;
  /** Bytes in front of each segment that are not written. */
  headroom: number;
  /** Bytes behind each segment, within `stride`, that are not written. */
  tailroom: number;
  /** How many segments fit. */
  capacity: number;
  /** Receives the length of each segment. */
  lengths: Uint16Array | Uint32Array;
}

/**
 * Splits the super-packet whose vnet header is at `offset`, and writes all segments into the slab.
 * The source is not changed. The slab must not overlap it. Both are borrowed for the call.
 * `length`: bytes of the vnet header and the super-packet together.
 *
 * @example
 *
 * ```ts
 * import { splitSuperPacket, VNET_HEADER_LENGTH } from '@litz/tun/offload';
 *
 * // A single IPv4 packet of 20 bytes: its vnet header is empty.
 * const source = new Uint8Array(VNET_HEADER_LENGTH + 20);
 * source[VNET_HEADER_LENGTH] = 0x45;
 * const lengths = new Uint16Array(1);
 * const buffer = new Uint8Array(64);
 * const slab = { buffer, offset: 0, stride: 64, headroom: 16, tailroom: 16, capacity: 1, lengths };
 * console.log(splitSuperPacket(source, 0, source.length, slab), lengths[0]); //=> 1 20
 * ```
 *
 * @returns the number of segments, or a negative {@link SplitFailure}
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

/**
 * Splits one super-packet after another. The caller can take the segments of each in several calls.
 */
export class SuperPacketSplitter {
  readonly #vnet: VnetHeader = createVnetHeader();
  readonly #bytes: ByteOperations | undefined;
  #source: Uint8Array = new Uint8Array(0);
  /** The packet in `#source`. If protocol is 0, it is a single packet. */
  readonly #plan: SegmentPlan = createSegmentPlan();
  #count = 0;
  #done = 0;

  /** @param bytes used when the super-packet and its segments are in the buffer of `bytes` */
  constructor(bytes?: ByteOperations) {
    this.#bytes = bytes;
  }

  /**
   * Checks the super-packet whose vnet header is at `offset`. `length`: bytes of the vnet header
   * and the super-packet together. A reference to the buffer is kept: the super-packet must not
   * change until its last segment is written.
   *
   * @returns the number of its segments, or a negative {@link SplitFailure}
   */
  begin(buffer: Uint8Array, offset: number, length: number): number {
    const plan = this.#plan;
    this.#source = buffer;
    plan.from = offset + VNET_HEADER_LENGTH;
    plan.length = length - VNET_HEADER_LENGTH;
    this.#done = 0;
    this.#count = 0;
    if (plan.length < 1 || plan.length > LONGEST_PACKET) return SplitFailure.badLength;
    decodeVnetHeader(buffer, offset, this.#vnet);
    const isSingle = this.#vnet.gsoType === VNET_GSO_NONE;
    if (!isSingle && plan.length < 20) return SplitFailure.badLength;
    if (isSingle && plan.length > LONGEST_SINGLE) return SplitFailure.badLength;
    const failure = isSingle ? this.#checkSingle() : this.#check();
    if (failure !== 0) return failure;
    this.#count = 1;
    if (isSingle) return 1;
    sumCommonParts(buffer, plan);
    this.#count = Math.max(1, Math.ceil((plan.length - plan.headerLength) / plan.segmentSize));
    return this.#count;
  }

  /** Length in bytes of each segment except the last, which may be shorter. Valid after `begin`. */
  get segmentLength(): number {
    const { protocol, length, headerLength, segmentSize } = this.#plan;
    return protocol === 0 ? length : Math.min(length, headerLength + segmentSize);
  }

  /**
   * Writes as many of the remaining segments as fit into the slab.
   *
   * @returns how many (0: all were written before), or `SplitFailure.slabTooSmall`
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
   * Writes the next segment at `at`; it has at most `segmentLength` bytes. The caller must have
   * checked that `segmentLength` bytes fit into `target` there, and that a segment is left.
   *
   * @returns its length in bytes
   */
  write(target: Uint8Array, at: number): number {
    return this.writeMany(target, at, 0, 1);
  }

  /**
   * Writes the next `count` segments at distances of `stride` bytes. `stride` must be at least
   * `segmentLength`. All else is as for `write`.
   *
   * @returns the length of the last one in bytes
   */
  writeMany(target: Uint8Array, at: number, stride: number, count: number): number {
    const plan = this.#plan;
    const source = this.#source;
    const bytes = this.#bytes;
    const first = this.#done;
    this.#done += count;
    if (plan.protocol === 0) return this.#writeSingle(target, at);
    if (source === target && bytes?.buffer === source) {
      bytes.writeSegments(plan, first, count, at, stride);
    } else {
      for (let i = 0; i < count; i++) {
        writeSegment(source, plan, first + i, target, at + i * stride);
      }
    }
    const behind = plan.length - plan.headerLength - this.#done * plan.segmentSize;
    return plan.headerLength + plan.segmentSize + Math.min(behind, 0);
  }

  #checkSingle(): number {
    const { flags, checksumStart, checksumOffset } = this.#vnet;
    this.#plan.protocol = 0;
    if ((flags & VNET_FLAG_NEEDS_CHECKSUM) === 0) return 0;
    const end = checksumStart + checksumOffset + 2;
    return checksumStart < 20 || end > this.#plan.length ? SplitFailure.badChecksumField : 0;
  }

  #check(): number {
    const plan = this.#plan;
    const { gsoType, gsoSize, checksumStart, checksumOffset } = this.#vnet;
    const isUdp = gsoType === VNET_GSO_UDP_L4;
    if (!isUdp && gsoType !== VNET_GSO_TCPV4 && gsoType !== VNET_GSO_TCPV6) {
      return SplitFailure.unknownType;
    }
    if (gsoSize === 0) return SplitFailure.noSegmentSize;
    const version = this.#source[plan.from] >>> 4;
    if (version !== 4 && version !== 6) return SplitFailure.wrongProtocol;
    if (!isUdp && (gsoType === VNET_GSO_TCPV4) !== (version === 4)) {
      return SplitFailure.wrongProtocol;
    }
    plan.ipHeaderLength = checksumStart;
    plan.segmentSize = gsoSize;
    plan.protocol = isUdp ? UDP : TCP;
    const failure = version === 4 ? this.#checkIpv4() : this.#checkIpv6();
    if (failure !== 0) return failure;
    if (checksumOffset !== (isUdp ? UDP_CHECKSUM : TCP_CHECKSUM)) {
      return SplitFailure.badChecksumField;
    }
    return this.#checkTransport();
  }

  #checkIpv4(): number {
    const plan = this.#plan;
    const headerLength = (this.#source[plan.from] & 0x0f) * 4;
    if (headerLength < 20 || headerLength !== plan.ipHeaderLength) {
      return SplitFailure.badIpHeader;
    }
    return this.#source[plan.from + 9] === plan.protocol ? 0 : SplitFailure.wrongProtocol;
  }

  /**
   * There may be extension headers. The kernel has parsed them: csum_start is the length of all
   * headers in front of TCP or UDP.
   */
  #checkIpv6(): number {
    const plan = this.#plan;
    if (plan.ipHeaderLength < 40 || plan.ipHeaderLength % 8 !== 0) {
      return SplitFailure.badIpHeader;
    }
    if (plan.ipHeaderLength > 40) return 0;
    return this.#source[plan.from + 6] === plan.protocol ? 0 : SplitFailure.wrongProtocol;
  }

  #checkTransport(): number {
    const plan = this.#plan;
    let transportLength = UDP_HEADER_LENGTH;
    if (plan.protocol === TCP) {
      if (plan.ipHeaderLength + 20 > plan.length) return SplitFailure.badLength;
      transportLength = (this.#source[plan.from + plan.ipHeaderLength + 12] >>> 4) * 4;
      if (transportLength < 20) return SplitFailure.badTransportHeader;
    }
    plan.headerLength = plan.ipHeaderLength + transportLength;
    return plan.headerLength > plan.length ? SplitFailure.badLength : 0;
  }

  #writeSingle(target: Uint8Array, at: number): number {
    const { from: start, length } = this.#plan;
    const { flags, checksumStart, checksumOffset } = this.#vnet;
    if ((flags & VNET_FLAG_NEEDS_CHECKSUM) === 0) {
      this.#copyAndSum(start, length, target, at);
      return length;
    }
    // The checksum field contains the sum of the pseudo-header, so the sum over the segment
    // includes it.
    for (let i = 0; i < checksumStart; i++) target[at + i] = this.#source[start + i];
    const from = start + checksumStart;
    const sum = this.#copyAndSum(from, length - checksumStart, target, at + checksumStart);
    const isUdp = checksumOffset === UDP_CHECKSUM;
    setChecksum(target, at + checksumStart + checksumOffset, ~sum & 0xffff, isUdp);
    return length;
  }

  #copyAndSum(from: number, length: number, target: Uint8Array, to: number): number {
    const source = this.#source;
    const bytes = this.#bytes;
    if (source === target && bytes?.buffer === source) return bytes.copyAndSum(to, from, length);
    return copyAndSum(source, from, target, to, length);
  }
}

const shared = new SuperPacketSplitter();
const UDP_HEADER_LENGTH = 8;
/** In bytes. The length field of IPv6 does not count its header of 40 bytes. */
const LONGEST_PACKET = 40 + 65535;
/** Longest packet that is not a super-packet, in bytes; more than any link carries. */
const LONGEST_SINGLE = 65535;
