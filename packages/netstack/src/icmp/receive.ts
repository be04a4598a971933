/**
 * A received ICMP or ICMPv6 message: requests are answered, replies go to their `EchoSocket`, and
 * errors go to the socket whose packet they quote.
 *
 * @module
 */
import { beginPacket, finishPacket } from '../ip/send.ts';
import { copyBytes } from '../memory/copy-bytes.ts';
import type { StackState } from '../stack-state.ts';
import { readUint16 } from '../wire/bytes.ts';
import {
  hasRightIcmpChecksum,
  ICMP,
  ICMP_HEADER_LENGTH,
  ICMPV6,
  writeIcmpChecksum,
} from '../wire/icmp.ts';
import { PROTOCOL } from '../wire/protocol.ts';
import { receiveError } from './receive-error.ts';

/** Processes the message in `state.packet`. */
export function receiveIcmp(state: StackState): void {
  const { packet } = state;
  const { version, buffer, transport } = packet;
  if (packet.transportLength < ICMP_HEADER_LENGTH) return state.drop('malformed-icmp');
  if (!hasRightIcmpChecksum(packet)) return state.drop('bad-icmp-checksum');
  const type = buffer[transport];
  if (version === 4) {
    if (type === ICMP.ECHO_REQUEST) return answerEcho(state, ICMP.ECHO_REPLY);
    if (type === ICMP.ECHO_REPLY) return receiveEchoReply(state);
    const isError =
      type === ICMP.UNREACHABLE || type === ICMP.TIME_EXCEEDED || type === ICMP.PARAMETER_PROBLEM;
    return isError ? receiveError(state) : state.drop('unexpected-icmp');
  }
  if (type === ICMPV6.ECHO_REQUEST) return answerEcho(state, ICMPV6.ECHO_REPLY);
  if (type === ICMPV6.ECHO_REPLY) return receiveEchoReply(state);
  return type <= ICMPV6.PARAMETER_PROBLEM && type > 0
    ? receiveError(state)
    : state.drop('unexpected-icmp');
}

/** Sends the same data back, from the address that was asked (RFC 1122 3.2.2.6, RFC 4443 4.2). */
function answerEcho(state: StackState, type: number): void {
  const { packet, header, building } = state;
  if (!packet.source.isHost) return state.drop('bad-source');
  const length = packet.transportLength;
  const protocol = packet.version === 4 ? PROTOCOL.ICMP : PROTOCOL.ICMPV6;
  header.begin(packet.destination, packet.source, protocol, packet.trafficClass & ~ECN_MASK);
  if (!beginPacket(state, length)) return state.drop('full-output-queue');
  const { buffer, transport } = building;
  copyBytes(packet.buffer, packet.transport, buffer, transport, length);
  buffer[transport] = type;
  buffer[transport + 1] = 0;
  writeIcmpChecksum(header, building, length);
  if (!finishPacket(state)) state.drop('full-output-queue');
}

function receiveEchoReply(state: StackState): void {
  const { packet } = state;
  const { buffer, transport, transportLength } = packet;
  const socket = state.echo.find(packet.destination, readUint16(buffer, transport + 4));
  if (!socket) return state.drop('unexpected-icmp');
  const sequence = readUint16(buffer, transport + 6);
  const offset = transport + ICMP_HEADER_LENGTH;
  if (!socket.queue.push(packet, sequence, offset, transportLength - ICMP_HEADER_LENGTH)) {
    return state.drop('full-receive-queue');
  }
  return state.report(socket);
}

/** The low two bits of the traffic class (RFC 3168). */
const ECN_MASK = 3;
