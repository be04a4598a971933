/**
 * The segments of a TCP or UDP super-packet. Each one has the headers of the super-packet, with its
 * own lengths, identification, sequence number, flags and checksums, as the Linux functions
 * tcp_gso_segment and __udp_gso_segment make them.
 *
 * @module
 */
import { foldSum, pseudoHeaderSum, sumBytes, viewOf } from '@litz/core/internals';
import {
  TCP_CHECKSUM,
  TCP_FIN,
  TCP_FLAGS,
  TCP_PSH,
  UDP,
  UDP_CHECKSUM,
} from './transport-header.ts';

/** Properties of a super-packet that are computed once for all of its segments. Only numbers. */
export interface SegmentPlan {
  /** Offset of the IP header. */
  from: number;
  /** Length in bytes from the IP header on. */
  length: number;
  /** In bytes; a multiple of 4, like `headerLength`. */
  ipHeaderLength: number;
  /** Length in bytes of both headers. */
  headerLength: number;
  /** Bytes of payload of each segment except the last, which may have less. */
  segmentSize: number;
  /** TCP or UDP; 0: a single packet that is not segmented. */
  protocol: number;
  /** The folded sum of the fields that all IPv4 headers have in common. */
  ipSum: number;
  /** The folded sum of the fields that all pseudo-headers and transport headers have in common. */
  transportSum: number;
}

/** Returns a plan with zeros, for the caller to fill and reuse. */
export function createSegmentPlan(): SegmentPlan {
  return {
    from: 0,
    length: 0,
    ipHeaderLength: 0,
    headerLength: 0,
    segmentSize: 0,
    protocol: 0,
    ipSum: 0,
    transportSum: 0,
  };
}

/**
 * Computes the sums that the checksums of all segments have in common. The fields that differ count
 * as zero.
 */
export function sumCommonParts(source: Uint8Array, plan: SegmentPlan): void {
  const { from, ipHeaderLength, headerLength, protocol } = plan;
  const view = viewOf(source);
  const transport = from + ipHeaderLength;
  const without = (at: number): number => ~view.getUint16(at) & 0xffff;
  if (source[from] >>> 4 === 4) {
    const header = sumBytes(source, from, ipHeaderLength);
    plan.ipSum = foldSum(header + without(from + 2) + without(from + 4) + without(from + 10));
  }
  const pseudo = pseudoHeaderSum(source, from, protocol, 0);
  const all = sumBytes(source, transport, headerLength - ipHeaderLength, pseudo);
  let common = all + without(transport + (protocol === UDP ? UDP_CHECKSUM : TCP_CHECKSUM));
  if (protocol === UDP) common += without(transport + 4);
  else common += without(transport + 4) + without(transport + 6) + without(transport + 12);
  plan.transportSum = foldSum(common);
}

/**
 * Writes the segment with this index (from 0) into `target`, at the offset `at`.
 *
 * @returns the length of the segment in bytes
 */
export function writeSegment(
  source: Uint8Array,
  plan: SegmentPlan,
  index: number,
  target: Uint8Array,
  at: number,
): number {
  const { from, headerLength, segmentSize } = plan;
  const done = headerLength + index * segmentSize;
  const payload = Math.min(segmentSize, plan.length - done);
  copyHeaders(source, from, headerLength, target, at);
  const sum = copyAndSum(source, from + done, target, at + headerLength, payload);
  finishIp(plan, index, target, at, headerLength + payload);
  finishTransport(plan, index, target, at, headerLength + payload, sum);
  return headerLength + payload;
}

/** Copies bytes. @returns the folded sum of the copied bytes */
export function copyAndSum(
  source: Uint8Array,
  from: number,
  target: Uint8Array,
  to: number,
  length: number,
): number {
  if (source === target) target.copyWithin(to, from, from + length);
  else target.set(source.subarray(from, from + length), to);
  return sumBytes(target, to, length);
}

/**
 * Writes a checksum. A UDP checksum of 0 is written as 0xffff: 0 means no checksum, and IPv6
 * receivers drop such datagrams (RFC 768, RFC 8200 8.1).
 */
export function setChecksum(target: Uint8Array, at: number, sum: number, isUdp: boolean): void {
  const value = sum === 0 && isUdp ? 0xffff : sum;
  target[at] = value >>> 8;
  target[at + 1] = value;
}

function copyHeaders(
  source: Uint8Array,
  from: number,
  length: number,
  target: Uint8Array,
  to: number,
): void {
  const read = viewOf(source);
  const write = viewOf(target);
  // Both headers are multiples of 32 bits long, so they are copied in 32-bit words. Reading and
  // writing use the same byte order, so it does not matter which.
  for (let i = 0; i < length; i += 4) write.setInt32(to + i, read.getInt32(from + i));
}

function finishIp(
  { ipSum }: SegmentPlan,
  index: number,
  target: Uint8Array,
  at: number,
  length: number,
): void {
  const view = viewOf(target);
  if (target[at] >>> 4 === 6) {
    view.setUint16(at + 4, length - 40);
    return;
  }
  const identification = (view.getUint16(at + 4) + index) & 0xffff;
  view.setUint16(at + 2, length);
  view.setUint16(at + 4, identification);
  view.setUint16(at + 10, ~foldSum(ipSum + length + identification));
}

// oxlint-disable-next-line max-params -- called per segment: an object would be garbage
function finishTransport(
  plan: SegmentPlan,
  index: number,
  target: Uint8Array,
  at: number,
  length: number,
  payloadSum: number,
): void {
  const { ipHeaderLength, segmentSize, protocol } = plan;
  const view = viewOf(target);
  const transport = at + ipHeaderLength;
  const transportLength = length - ipHeaderLength;
  let sum = plan.transportSum + payloadSum + transportLength;
  if (protocol === UDP) {
    view.setUint16(transport + 4, transportLength);
    sum += transportLength;
    setChecksum(target, transport + UDP_CHECKSUM, ~foldSum(sum) & 0xffff, true);
    return;
  }
  const done = index * segmentSize;
  const sequence = (view.getUint32(transport + 4) + done) >>> 0;
  view.setUint32(transport + 4, sequence);
  const isLast = done + length === plan.length;
  if (!isLast) target[transport + TCP_FLAGS] &= ~(TCP_FIN | TCP_PSH);
  sum += (sequence >>> 16) + (sequence & 0xffff) + view.getUint16(transport + 12);
  setChecksum(target, transport + TCP_CHECKSUM, ~foldSum(sum) & 0xffff, false);
}
