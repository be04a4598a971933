/**
 * `TransportSegment`: the headers of a TCP or UDP packet that may be joined, and the rules for
 * which of their fields may differ between joined packets.
 *
 * A split (tcp_gso_segment, __udp_gso_segment) copies some fields from the first packet to the
 * others. All these fields must be equal. So joining and splitting can change nothing but the IPv4
 * identifications of packets that must not be fragmented. In such packets, identifications have no
 * meaning.
 *
 * @module
 */
import { pseudoHeaderSum, sumBytes } from '@litz/core/internals';
import { TCP, TCP_ACK, TCP_PSH, UDP } from './transport-header.ts';

/** How a packet may be joined. */
export const SegmentKind = {
  /** A packet that is not joined. Later packets may be joined to packets before it. */
  other: 0,
  tcp: 1,
  udp: 2,
  /** A datagram that is not joined, and that later datagrams of its flow may not overtake. */
  closedUdp: 3,
} as const;
export type SegmentKind = (typeof SegmentKind)[keyof typeof SegmentKind];

/**
 * The headers of the packet that was last passed to `read`. If `kind` is `other`, only `kind` and
 * `offset` are valid.
 */
export class TransportSegment {
  kind: SegmentKind = SegmentKind.other;
  offset: number = 0;
  ipHeaderLength: number = 0;
  /** Length in bytes of IP and transport header. */
  headerLength: number = 0;
  payloadLength: number = 0;
  /** TCP sequence number, as a signed 32-bit number. */
  sequence: number = 0;
  push: boolean = false;
  /** Hash of addresses and ports; for TCP also of the acknowledgement number. */
  flowHash: number = 0;

  read(view: DataView, offset: number, length: number): void {
    this.offset = offset;
    this.kind = SegmentKind.other;
    this.push = false;
    if (length < 28) return;
    const version = view.getUint8(offset) >>> 4;
    const protocol =
      version === 4
        ? this.#readIpv4(view, length)
        : version === 6
          ? this.#readIpv6(view, length)
          : 0;
    if (protocol === TCP) this.#readTcp(view, length);
    else if (protocol === UDP) this.#readUdp(view, length);
  }

  /**
   * @returns the protocol; 0 if the header has options, the packet is a fragment, or its length
   *   field is not `length`
   */
  #readIpv4(view: DataView, length: number): number {
    const { offset } = this;
    this.ipHeaderLength = 20;
    if (view.getUint8(offset) !== 0x45 || view.getUint16(offset + 2) !== length) return 0;
    const fragment = view.getUint8(offset + 6) & FRAGMENT_BYTE;
    return fragment === 0 && view.getUint8(offset + 7) === 0 ? view.getUint8(offset + 9) : 0;
  }

  #readIpv6(view: DataView, length: number): number {
    const { offset } = this;
    this.ipHeaderLength = 40;
    if (length < 48 || view.getUint16(offset + 4) + 40 !== length) return 0;
    return view.getUint8(offset + 6);
  }

  #readTcp(view: DataView, length: number): void {
    const transport = this.offset + this.ipHeaderLength;
    if (this.ipHeaderLength + 20 > length) return;
    const headerLength = (view.getUint8(transport + 12) >>> 4) * 4;
    const flags = view.getUint8(transport + 13);
    this.headerLength = this.ipHeaderLength + headerLength;
    this.payloadLength = length - this.headerLength;
    if (headerLength < 20 || this.payloadLength < 1) return;
    if ((flags & ~TCP_PSH) !== TCP_ACK || view.getUint8(transport + 12) & 0x0f) return;
    this.kind = SegmentKind.tcp;
    this.push = (flags & TCP_PSH) !== 0;
    this.sequence = view.getInt32(transport + 4);
    this.flowHash = this.#hash(view, view.getInt32(transport + 8));
  }

  #readUdp(view: DataView, length: number): void {
    this.headerLength = this.ipHeaderLength + 8;
    this.payloadLength = length - this.headerLength;
    const stated = view.getUint16(this.offset + this.ipHeaderLength + 4);
    const isWhole = stated === length - this.ipHeaderLength && this.payloadLength > 0;
    // RFC 8200 8.1: over IPv6 a datagram needs a checksum. If a datagram has none, joining must not
    // add one.
    const isComplete =
      this.ipHeaderLength === 20 || view.getUint16(this.offset + this.ipHeaderLength + 6) !== 0;
    this.kind = isWhole && isComplete ? SegmentKind.udp : SegmentKind.closedUdp;
    this.flowHash = this.#hash(view, UDP);
  }

  #hash(view: DataView, seed: number): number {
    const { offset, ipHeaderLength } = this;
    let hash = seed;
    const end = offset + ipHeaderLength + 4;
    for (let at = offset + (ipHeaderLength === 20 ? 12 : 8); at < end; at += 4) {
      hash = Math.imul(hash ^ view.getInt32(at), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return hash;
  }
}

/**
 * Whether two packets belong to one flow: both IPv4 or both IPv6, with equal addresses and ports,
 * and for TCP an equal acknowledgement number.
 */
export function isSameFlow(
  view: DataView,
  a: number,
  b: number,
  ipHeaderLength: number,
  kind: SegmentKind,
): boolean {
  if (view.getUint8(a) >>> 4 !== view.getUint8(b) >>> 4) return false;
  const transport = a + ipHeaderLength;
  const shift = b - a;
  for (let at = a + (ipHeaderLength === 20 ? 12 : 8); at < transport + 4; at += 4) {
    if (view.getInt32(at) !== view.getInt32(at + shift)) return false;
  }
  if (kind !== SegmentKind.tcp) return true;
  return view.getInt32(transport + 8) === view.getInt32(transport + 8 + shift);
}

/**
 * Whether the headers of two packets of one flow are equal in all fields that a split would copy.
 * `distance`: how many packets b comes after a; -1 if it comes directly before a.
 */
export function haveEqualHeaders(
  view: DataView,
  a: number,
  b: number,
  segment: TransportSegment,
  distance: number,
): boolean {
  const { ipHeaderLength, headerLength } = segment;
  const equalIp =
    ipHeaderLength === 20 ? haveEqualIpv4(view, a, b, distance) : haveEqualIpv6(view, a, b);
  if (!equalIp) return false;
  const x = a + ipHeaderLength;
  const y = b + ipHeaderLength;
  // A datagram without a checksum must not be joined with datagrams that have one.
  if (segment.kind !== SegmentKind.tcp) {
    return (view.getUint16(x + 6) === 0) === (view.getUint16(y + 6) === 0);
  }
  // Compared here: data offset, flags without PSH, window; urgent pointer; options.
  if ((view.getInt32(x + 12) ^ view.getInt32(y + 12)) & ~(TCP_PSH << 16)) return false;
  if (view.getUint16(x + 18) !== view.getUint16(y + 18)) return false;
  for (let at = 20; at < headerLength - ipHeaderLength; at += 4) {
    if (view.getInt32(x + at) !== view.getInt32(y + at)) return false;
  }
  return true;
}

/**
 * Whether the checksum of an IPv4 header without options is right. An IPv6 header has no checksum;
 * the result is then true.
 */
export function hasRightIpChecksum(
  view: DataView,
  offset: number,
  ipHeaderLength: number,
): boolean {
  if (ipHeaderLength !== 20) return true;
  let sum = 0;
  for (let at = offset; at < offset + 20; at += 2) sum += view.getUint16(at);
  return (((sum & 0xffff) + (sum >>> 16)) & 0xffff) === 0xffff;
}

/**
 * Whether the transport checksum is right. A UDP checksum of zero means that there is none: that is
 * right over IPv4 and wrong over IPv6.
 */
export function hasRightTransportChecksum(
  buffer: Uint8Array,
  offset: number,
  ipHeaderLength: number,
  length: number,
  kind: SegmentKind,
): boolean {
  const transport = offset + ipHeaderLength;
  const isUdp = kind !== SegmentKind.tcp;
  if (isUdp && buffer[transport + 6] === 0 && buffer[transport + 7] === 0) {
    return ipHeaderLength === 20;
  }
  const transportLength = length - ipHeaderLength;
  const pseudo = pseudoHeaderSum(buffer, offset, isUdp ? UDP : TCP, transportLength);
  return sumBytes(buffer, transport, transportLength, pseudo) === 0xffff;
}

/**
 * Compares TOS, flags and TTL. If the packets may be fragmented, their identifications must also
 * differ by `distance` (RFC 6864 4.1).
 */
function haveEqualIpv4(view: DataView, a: number, b: number, distance: number): boolean {
  const flags = view.getUint8(a + 6);
  if (view.getUint8(a + 1) !== view.getUint8(b + 1) || flags !== view.getUint8(b + 6)) return false;
  if (view.getUint8(a + 8) !== view.getUint8(b + 8)) return false;
  if ((flags & MAY_NOT_FRAGMENT) !== 0) return true;
  return ((view.getUint16(a + 4) + distance) & 0xffff) === view.getUint16(b + 4);
}

/** Compares traffic class, flow label and hop limit. */
function haveEqualIpv6(view: DataView, a: number, b: number): boolean {
  return view.getInt32(a) === view.getInt32(b) && view.getUint8(a + 7) === view.getUint8(b + 7);
}

const MAY_NOT_FRAGMENT = 0x40;
const FRAGMENT_BYTE = 0x3f;
