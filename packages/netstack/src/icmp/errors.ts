/**
 * ICMP errors that the stack sends: which packets are answered, and with what.
 *
 * @module
 */
import { beginPacket, finishPacket } from '../ip/send.ts';
import { copyBytes } from '../memory/copy-bytes.ts';
import type { StackState } from '../stack-state.ts';
import { writeInt32 } from '../wire/bytes.ts';
import { ICMP, ICMP_HEADER_LENGTH, ICMPV6, writeIcmpChecksum } from '../wire/icmp.ts';
import { ipHeaderLength } from '../wire/ip-header.ts';
import type { IpPacket } from '../wire/ip-packet.ts';
import { IPV6_MIN_MTU, PROTOCOL } from '../wire/protocol.ts';

/** Answers `state.packet`, for whose port or protocol the stack has no receiver. */
export function answerUnreachable(state: StackState, what: 'port' | 'protocol'): void {
  const { packet } = state;
  if (packet.version === 4) {
    answer(state, ICMP.UNREACHABLE, what === 'port' ? 3 : 2, 0);
  } else if (what === 'port') {
    answer(state, ICMPV6.UNREACHABLE, 4, 0);
  } else {
    // RFC 4443 3.4: an unknown next header is a parameter problem.
    answer(state, ICMPV6.PARAMETER_PROBLEM, 1, packet.protocolPointer - packet.offset);
  }
}

/** Answers `state.packet`, whose extension headers are wrong. */
export function answerProblem(state: StackState): void {
  const { packet } = state;
  if (packet.destination.isMulticast && !packet.answersGroup) return;
  answer(state, ICMPV6.PARAMETER_PROBLEM, packet.problemCode, packet.problemPointer);
}

/** Answers `state.packet`, the first fragment of a datagram that was not completed in time. */
export function answerReassemblyTimeout(state: StackState): void {
  answer(state, state.packet.version === 4 ? ICMP.TIME_EXCEEDED : ICMPV6.TIME_EXCEEDED, 1, 0);
}

/**
 * Sends an ICMP error about `state.packet`, if this packet may be answered (`isAnswerable`) and the
 * limit on errors allows it.
 *
 * @param parameter the four bytes after the checksum
 */
function answer(state: StackState, type: number, code: number, parameter: number): void {
  const { packet, header, building } = state;
  if (!isAnswerable(packet) || !state.addresses.has(packet.destination)) return;
  if (!state.errorLimit.take(state.now)) return;
  const isV4 = packet.version === 4;
  const protocol = isV4 ? PROTOCOL.ICMP : PROTOCOL.ICMPV6;
  header.begin(packet.destination, packet.source, protocol, 0);
  // The error quotes as much as fits into a packet that every path carries (RFC 1812 4.3.2.3, RFC
  // 4443 3).
  const most = (isV4 ? LONGEST_IPV4_ERROR : IPV6_MIN_MTU) - ipHeaderLength(packet.version);
  const length = Math.min(most, ICMP_HEADER_LENGTH + packet.length);
  if (!beginPacket(state, length)) return state.drop('full-output-queue');
  const { buffer, transport } = building;
  buffer[transport] = type;
  buffer[transport + 1] = code;
  writeInt32(buffer, transport + 4, parameter);
  const quoted = length - ICMP_HEADER_LENGTH;
  copyBytes(packet.buffer, packet.offset, buffer, transport + ICMP_HEADER_LENGTH, quoted);
  writeIcmpChecksum(header, building, length);
  finishPacket(state);
}

/**
 * RFC 1122 3.2.2 and RFC 4443 2.4 (e): no ICMP error is sent about another ICMP error, about a
 * packet whose source is not one host, or about a fragment that is not the first one.
 */
function isAnswerable(packet: IpPacket): boolean {
  if (!packet.source.isHost || packet.fragmentOffset > 0) return false;
  const { buffer, transport, transportLength, protocol } = packet;
  if (protocol === PROTOCOL.ICMP && packet.version === 4) {
    // An unknown type counts as an error.
    return transportLength > 0 && ICMP_QUERIES.includes(buffer[transport]);
  }
  // Types below 128 are errors.
  if (protocol === PROTOCOL.ICMPV6) return transportLength > 0 && buffer[transport] >= 128;
  return true;
}

/** Echo, timestamp, information and address mask, with their replies (RFC 792, RFC 950). */
const ICMP_QUERIES = [0, 8, 13, 14, 15, 16, 17, 18];
/** In bytes; RFC 1812 4.3.2.3. */
const LONGEST_IPV4_ERROR = 576;
