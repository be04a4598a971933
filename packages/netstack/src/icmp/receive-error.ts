/**
 * Processes a received ICMP error: finds the packet of ours that it quotes, and reports the error
 * to the socket of that packet.
 *
 * Anybody can forge an ICMP error. So it must quote a packet that a socket of ours could have
 * sent. RFC 5927 describes the attacks.
 *
 * @module
 */
import { StackError, type StackErrorCode } from '../errors.ts';
import type { MessageReceiver } from '../port/receivers.ts';
import type { StackState } from '../stack-state.ts';
import { findQuotedConnection, receiveTooBig, receiveUnreachable } from '../tcp/icmp-report.ts';
import { readInt32, readUint16 } from '../wire/bytes.ts';
import { ICMP, ICMP_HEADER_LENGTH, ICMPV6 } from '../wire/icmp.ts';
import type { IpPacket } from '../wire/ip-packet.ts';
import { IPV4_HEADER_LENGTH, IPV6_HEADER_LENGTH, PROTOCOL } from '../wire/protocol.ts';

/** The content of an ICMP error, in one form for both versions of IP. */
export interface IcmpReport {
  readonly code: StackErrorCode;
  readonly text: string;
  /** Whether the problem will last: RFC 1122 4.2.3.9. */
  readonly isHard: boolean;
}

/** Processes the error in `state.packet`. */
export function receiveError(state: StackState): void {
  const { packet, quoted } = state;
  const { buffer, transport } = packet;
  if (!readQuoted(packet, quoted)) return state.drop('malformed-icmp');
  if (!state.addresses.has(quoted.source)) return state.drop('unexpected-icmp');
  const [type, code] = [buffer[transport], buffer[transport + 1]];
  if (isTooBig(packet.version, type, code)) {
    // RFC 1191 4 has the MTU in the low 16 bits, RFC 4443 3.2 in all 32.
    const mtu =
      packet.version === 4
        ? readUint16(buffer, transport + 6)
        : readInt32(buffer, transport + 4) >>> 0;
    return lowerPathMtu(state, mtu);
  }
  const report = reportOf(packet.version, type, code);
  return report ? tellSocket(state, report) : state.drop('unexpected-icmp');
}

function isTooBig(version: 4 | 6, type: number, code: number): boolean {
  return version === 4 ? type === ICMP.UNREACHABLE && code === 4 : type === ICMPV6.TOO_BIG;
}

/**
 * Lowers the MTU of the path to the destination of `state.quoted`, the packet that a "too big"
 * message quotes. The message is believed only if a socket of ours could have sent that packet.
 *
 * @param mtu the MTU that the message states
 */
function lowerPathMtu(state: StackState, mtu: number): void {
  const { quoted, pathMtus, now } = state;
  const isTcp = quoted.protocol === PROTOCOL.TCP;
  const connection = isTcp ? findQuotedConnection(state) : undefined;
  if (!connection && (isTcp || !findSender(state))) return state.drop('unexpected-icmp');
  const current = pathMtus.of(quoted.destination, state.mtu, now);
  pathMtus.lower(quoted.destination, mtu, quoted.length, current, now);
  if (connection) receiveTooBig(state, connection);
  return undefined;
}

function tellSocket(state: StackState, report: IcmpReport): void {
  const { quoted } = state;
  const text = `${quoted.destination.toString()}: ${report.text}`;
  if (quoted.protocol === PROTOCOL.TCP) {
    const connection = findQuotedConnection(state);
    if (!connection) return state.drop('unexpected-icmp');
    const error = new StackError(report.code, text);
    return receiveUnreachable(state, connection, error, report.isHard);
  }
  const sender = findSender(state);
  if (!sender) return state.drop('unexpected-icmp');
  const port = readUint16(quoted.buffer, quoted.transport + 2);
  return sender.fail(new StackError(report.code, text), quoted.destination, port);
}

/** Returns the socket that could have sent the quoted packet. */
function findSender(state: StackState): MessageReceiver | undefined {
  const { quoted } = state;
  const { buffer, transport, source, destination, protocol } = quoted;
  if (protocol === PROTOCOL.UDP) {
    const socket = state.udp.find(source, readUint16(buffer, transport));
    return socket?.accepts(destination, readUint16(buffer, transport + 2)) ? socket : undefined;
  }
  const isEcho =
    (protocol === PROTOCOL.ICMP && buffer[transport] === ICMP.ECHO_REQUEST) ||
    (protocol === PROTOCOL.ICMPV6 && buffer[transport] === ICMPV6.ECHO_REQUEST);
  return isEcho ? state.echo.find(source, readUint16(buffer, transport + 4)) : undefined;
}

/**
 * Reads the packet that an error quotes: addresses, protocol, and eight bytes of the transport
 * header (RFC 792). The quoted packet may be cut.
 *
 * @returns false if one of these fields is missing, or if the packet is a fragment other than the
 *   first
 */
function readQuoted(packet: IpPacket, quoted: IpPacket): boolean {
  const { buffer, version } = packet;
  const offset = packet.transport + ICMP_HEADER_LENGTH;
  const end = packet.offset + packet.length;
  const least = version === 4 ? IPV4_HEADER_LENGTH : IPV6_HEADER_LENGTH;
  if (offset + least + 8 > end || buffer[offset] >>> 4 !== version) return false;
  quoted.buffer = buffer;
  quoted.offset = offset;
  quoted.version = version;
  return version === 4 ? readQuotedIpv4(quoted, end) : readQuotedIpv6(quoted, end);
}

function readQuotedIpv4(quoted: IpPacket, end: number): boolean {
  const { buffer, offset } = quoted;
  quoted.length = readUint16(buffer, offset + 2);
  quoted.protocol = buffer[offset + 9];
  quoted.source.read(buffer, offset + 12, 4);
  quoted.destination.read(buffer, offset + 16, 4);
  const header = (buffer[offset] & 0x0f) * 4;
  quoted.transport = offset + header;
  const isFirst = (readUint16(buffer, offset + 6) & 0x1fff) === 0;
  return isFirst && header >= IPV4_HEADER_LENGTH && quoted.transport + 8 <= end;
}

/** The only extension header of our packets is Fragment. */
function readQuotedIpv6(quoted: IpPacket, end: number): boolean {
  const { buffer, offset } = quoted;
  quoted.length = IPV6_HEADER_LENGTH + readUint16(buffer, offset + 4);
  quoted.protocol = buffer[offset + 6];
  quoted.source.read(buffer, offset + 8, 6);
  quoted.destination.read(buffer, offset + 24, 6);
  quoted.transport = offset + IPV6_HEADER_LENGTH;
  if (quoted.protocol === PROTOCOL.FRAGMENT) {
    if ((readUint16(buffer, quoted.transport + 2) & 0xfff8) !== 0) return false;
    quoted.protocol = buffer[quoted.transport];
    quoted.transport += 8;
  }
  return quoted.transport + 8 <= end;
}

function reportOf(version: 4 | 6, type: number, code: number): IcmpReport | undefined {
  const table = version === 4 ? IPV4_REPORTS : IPV6_REPORTS;
  return table[`${type}.${code}`] ?? table[`${type}`];
}

/** By `TYPE.CODE`, or `TYPE` for all other codes (RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1). */
const IPV4_REPORTS: Record<string, IcmpReport> = {
  [`${ICMP.UNREACHABLE}.0`]: { code: 'ENETUNREACH', text: 'network unreachable', isHard: false },
  [`${ICMP.UNREACHABLE}.2`]: { code: 'ECONNREFUSED', text: 'protocol unreachable', isHard: true },
  [`${ICMP.UNREACHABLE}.3`]: { code: 'ECONNREFUSED', text: 'port unreachable', isHard: true },
  [`${ICMP.UNREACHABLE}.6`]: { code: 'ENETUNREACH', text: 'network unknown', isHard: false },
  [ICMP.UNREACHABLE]: { code: 'EHOSTUNREACH', text: 'host unreachable', isHard: false },
  [ICMP.TIME_EXCEEDED]: { code: 'EHOSTUNREACH', text: 'time exceeded', isHard: false },
  [ICMP.PARAMETER_PROBLEM]: { code: 'EHOSTUNREACH', text: 'parameter problem', isHard: false },
};

/** By `TYPE.CODE`, or `TYPE` for all other codes (RFC 4443 3). */
const IPV6_REPORTS: Record<string, IcmpReport> = {
  [`${ICMPV6.UNREACHABLE}.0`]: { code: 'ENETUNREACH', text: 'no route', isHard: false },
  [`${ICMPV6.UNREACHABLE}.4`]: { code: 'ECONNREFUSED', text: 'port unreachable', isHard: true },
  [ICMPV6.UNREACHABLE]: { code: 'EHOSTUNREACH', text: 'address unreachable', isHard: false },
  [ICMPV6.TIME_EXCEEDED]: { code: 'EHOSTUNREACH', text: 'time exceeded', isHard: false },
  [`${ICMPV6.PARAMETER_PROBLEM}.1`]: {
    code: 'ECONNREFUSED',
    text: 'protocol unreachable',
    isHard: true,
  },
  [ICMPV6.PARAMETER_PROBLEM]: { code: 'EHOSTUNREACH', text: 'parameter problem', isHard: false },
};
