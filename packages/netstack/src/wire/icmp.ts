/**
 * Types and codes of ICMP (RFC 792) and ICMPv6 (RFC 4443), and `writeIcmpChecksum`.
 *
 * @module
 */
import { sumBytes } from '@litz/core/internals';
import { writeUint16 } from './bytes.ts';
import type { IpHeader } from './ip-header.ts';
import type { IpPacket } from './ip-packet.ts';
import type { PacketUnderConstruction } from './packet-under-construction.ts';
import { PROTOCOL } from './protocol.ts';
import { hasRightChecksum, pseudoSum } from './udp-header.ts';

/** Length in bytes of type, code, checksum and the four bytes after them. */
export const ICMP_HEADER_LENGTH = 8;

/** Types of ICMP. */
export const ICMP = {
  ECHO_REPLY: 0,
  UNREACHABLE: 3,
  ECHO_REQUEST: 8,
  TIME_EXCEEDED: 11,
  PARAMETER_PROBLEM: 12,
} as const;

/** Types of ICMPv6. Types below 128 are errors. */
export const ICMPV6 = {
  UNREACHABLE: 1,
  TOO_BIG: 2,
  TIME_EXCEEDED: 3,
  PARAMETER_PROBLEM: 4,
  ECHO_REQUEST: 128,
  ECHO_REPLY: 129,
} as const;

/** Writes the checksum of an ICMP message of `length` bytes. Only ICMPv6 has a pseudo-header. */
export function writeIcmpChecksum(
  header: Readonly<IpHeader>,
  { buffer, transport }: PacketUnderConstruction,
  length: number,
): void {
  writeUint16(buffer, transport + 2, 0);
  const pseudo = header.protocol === PROTOCOL.ICMPV6 ? pseudoSum(header, length) : 0;
  writeUint16(buffer, transport + 2, ~sumBytes(buffer, transport, length, pseudo));
}

/** Whether the checksum of a received ICMP message is right. */
export function hasRightIcmpChecksum(packet: IpPacket): boolean {
  if (packet.version === 6) return hasRightChecksum(packet, PROTOCOL.ICMPV6);
  return sumBytes(packet.buffer, packet.transport, packet.transportLength) === 0xffff;
}
