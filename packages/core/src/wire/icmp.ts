/**
 * ICMP and ICMPv6 "destination unreachable" packets, the answer to a packet that has no peer, or
 * whose peer has no endpoint.
 *
 * The kernel's WireGuard answers these packets in the same way (device.c, wg_xmit), so that the
 * sending program gets an error at once instead of waiting. The source address of the answer is the
 * packet's destination. If the answer came from the interface's own address, the kernel would drop
 * it as martian.
 *
 * @module
 */
import { checksum } from './checksum.ts';
import {
  IPV4_CHECKSUM,
  IPV4_DESTINATION,
  IPV4_HEADER_LENGTH,
  IPV4_SOURCE,
  IPV6_DESTINATION,
  IPV6_HEADER_LENGTH,
  IPV6_SOURCE,
  writeUint16,
} from './ip-packet.ts';

/**
 * Returns a new packet that answers the packet at `offset`: ICMPv4 type 3 code 1 (host unreachable)
 * or ICMPv6 type 1 code 3 (address unreachable). The new packet quotes as much of the old packet as
 * is allowed. Returns undefined for a packet that must not be answered: an ICMP error, a fragment
 * that is not the first, or a packet from or to an address that is not a single host (RFC 1122
 * section 3.2.2, RFC 4443 section 2.4).
 */
export function createUnreachable(
  buffer: Uint8Array,
  offset: number,
  length: number,
): Uint8Array | undefined {
  const version = buffer[offset] >>> 4;
  if (version === 4) {
    return answerable4(buffer, offset, length) ? answer4(buffer, offset, length) : undefined;
  }
  if (version === 6) {
    return answerable6(buffer, offset, length) ? answer6(buffer, offset, length) : undefined;
  }
  return undefined;
}

function answerable4(buffer: Uint8Array, offset: number, length: number): boolean {
  const header = (buffer[offset] & 0x0f) * 4;
  if (header < IPV4_HEADER_LENGTH || header > length) return false;
  const fragmentOffset = ((buffer[offset + 6] & 0x1f) << 8) | buffer[offset + 7];
  if (fragmentOffset !== 0) return false;
  if (!isHost4(buffer, offset + IPV4_SOURCE) || !isHost4(buffer, offset + IPV4_DESTINATION)) {
    return false;
  }
  if (buffer[offset + 9] !== PROTOCOL_ICMP) return true;
  // Only ICMP queries and replies are answered. An unknown type, or a missing one, counts as an
  // error.
  return length > header && ICMP_QUERIES.includes(buffer[offset + header]);
}

function answer4(buffer: Uint8Array, offset: number, length: number): Uint8Array {
  const quoted = Math.min(length, MAX_ICMPV4_LENGTH - IPV4_HEADER_LENGTH - ICMP_HEADER_LENGTH);
  const answer = new Uint8Array(IPV4_HEADER_LENGTH + ICMP_HEADER_LENGTH + quoted);
  answer[0] = 0x45;
  answer[1] = TOS_INTERNET_CONTROL;
  writeUint16(answer, 2, answer.length);
  answer[6] = DONT_FRAGMENT;
  answer[8] = HOP_LIMIT;
  answer[9] = PROTOCOL_ICMP;
  copyBytes(answer, IPV4_SOURCE, buffer, offset + IPV4_DESTINATION, 4);
  copyBytes(answer, IPV4_DESTINATION, buffer, offset + IPV4_SOURCE, 4);
  writeUint16(answer, IPV4_CHECKSUM, checksum(answer, 0, IPV4_HEADER_LENGTH));

  const icmp = IPV4_HEADER_LENGTH;
  answer[icmp] = 3; // destination unreachable
  answer[icmp + 1] = 1; // host
  copyBytes(answer, icmp + ICMP_HEADER_LENGTH, buffer, offset, quoted);
  writeUint16(answer, icmp + 2, checksum(answer, icmp, ICMP_HEADER_LENGTH + quoted));
  return answer;
}

function answerable6(buffer: Uint8Array, offset: number, length: number): boolean {
  if (length < IPV6_HEADER_LENGTH) return false;
  if (!isHost6(buffer, offset + IPV6_SOURCE)) return false;
  // A packet to a multicast group must not be answered.
  if (buffer[offset + IPV6_DESTINATION] === 0xff) return false;
  let next = buffer[offset + 6];
  let at = IPV6_HEADER_LENGTH;
  while (EXTENSION_HEADERS.includes(next) && at + 8 <= length) {
    const isFragment = next === FRAGMENT_HEADER;
    const fragmentOffset = (buffer[offset + at + 2] << 8) | (buffer[offset + at + 3] & 0xf8);
    if (isFragment && fragmentOffset !== 0) return false;
    next = buffer[offset + at];
    at += isFragment ? 8 : (buffer[offset + at + 1] + 1) * 8;
  }
  if (next !== NEXT_HEADER_ICMPV6) return true;
  // RFC 4443 section 2.1: types below 128 are errors. A redirect is not answered either.
  return at < length && buffer[offset + at] >= 128 && buffer[offset + at] !== ICMPV6_REDIRECT;
}

function answer6(buffer: Uint8Array, offset: number, length: number): Uint8Array {
  const quoted = Math.min(length, MAX_ICMPV6_LENGTH - IPV6_HEADER_LENGTH - ICMP_HEADER_LENGTH);
  const answer = new Uint8Array(IPV6_HEADER_LENGTH + ICMP_HEADER_LENGTH + quoted);
  answer[0] = 0x60;
  writeUint16(answer, 4, ICMP_HEADER_LENGTH + quoted);
  answer[6] = NEXT_HEADER_ICMPV6;
  answer[7] = HOP_LIMIT;
  copyBytes(answer, IPV6_SOURCE, buffer, offset + IPV6_DESTINATION, 16);
  copyBytes(answer, IPV6_DESTINATION, buffer, offset + IPV6_SOURCE, 16);

  const icmp = IPV6_HEADER_LENGTH;
  answer[icmp] = 1; // destination unreachable
  answer[icmp + 1] = 3; // address
  copyBytes(answer, icmp + ICMP_HEADER_LENGTH, buffer, offset, quoted);
  // RFC 4443 section 2.3: the checksum includes the addresses, the length and the next header.
  const pseudoHeader = ICMP_HEADER_LENGTH + quoted + NEXT_HEADER_ICMPV6;
  const summed = answer.length - IPV6_SOURCE;
  writeUint16(answer, icmp + 2, checksum(answer, IPV6_SOURCE, summed, pseudoHeader));
  return answer;
}

/**
 * Returns whether the address is a single host: not "this network", loopback, multicast, reserved
 * or broadcast.
 */
function isHost4(buffer: Uint8Array, offset: number): boolean {
  const first = buffer[offset];
  return first !== 0 && first !== 127 && first < 224;
}

/** Returns whether the address is neither unspecified nor multicast. */
function isHost6(buffer: Uint8Array, offset: number): boolean {
  if (buffer[offset] === 0xff) return false;
  for (let i = 0; i < 16; i++) if (buffer[offset + i] !== 0) return true;
  return false;
}

function copyBytes(
  to: Uint8Array,
  toOffset: number,
  from: Uint8Array,
  fromOffset: number,
  length: number,
): void {
  to.set(from.subarray(fromOffset, fromOffset + length), toOffset);
}

const PROTOCOL_ICMP = 1;
const NEXT_HEADER_ICMPV6 = 58;
const FRAGMENT_HEADER = 44;
/** Hop-by-hop, routing, fragment, destination options. */
const EXTENSION_HEADERS: readonly number[] = [0, 43, FRAGMENT_HEADER, 60];
/** Echo, timestamp, information and address mask, each as request and reply; router discovery. */
const ICMP_QUERIES: readonly number[] = [0, 8, 9, 10, 13, 14, 15, 16, 17, 18];
const ICMPV6_REDIRECT = 137;
const ICMP_HEADER_LENGTH = 8;
/** RFC 1812 section 4.3.2.3: an error has at most the length that every host accepts. */
const MAX_ICMPV4_LENGTH = 576;
/** RFC 4443 section 3.1: an error has at most the length of the smallest MTU. */
const MAX_ICMPV6_LENGTH = 1280;
/** RFC 1812 section 4.3.2.5: errors carry the precedence "internetwork control". */
const TOS_INTERNET_CONTROL = 0xc0;
const DONT_FRAGMENT = 0x40;
const HOP_LIMIT = 64;
