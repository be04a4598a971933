/**
 * Checks a received UDP datagram (RFC 768), and gives it to its socket.
 *
 * @module
 */
import { answerUnreachable } from '../icmp/errors.ts';
import type { StackState } from '../stack-state.ts';
import { readUint16 } from '../wire/bytes.ts';
import { PROTOCOL } from '../wire/protocol.ts';
import { hasRightChecksum, UDP_HEADER_LENGTH } from '../wire/udp-header.ts';

/**
 * Gives the datagram in `state.packet` to its socket.
 *
 * @param isTrusted whether the checksum need not be verified: a device has verified it, or the
 *   packet was made on this machine and its checksum is not complete yet
 */
export function receiveUdp(state: StackState, isTrusted: boolean): void {
  const { packet } = state;
  const { buffer, transport, transportLength } = packet;
  if (transportLength < UDP_HEADER_LENGTH) return state.drop('malformed-udp');
  const length = readUint16(buffer, transport + 4);
  // RFC 8085 3.4 does not allow a length that is longer than the packet.
  if (length < UDP_HEADER_LENGTH || length > transportLength) return state.drop('malformed-udp');
  packet.length -= transportLength - length;
  const hasNone = readUint16(buffer, transport + 6) === 0;
  // RFC 8200 8.1: over IPv6 a datagram needs a checksum.
  if (hasNone && packet.version === 6) return state.drop('bad-udp-checksum');
  if (!hasNone && !isTrusted && !hasRightChecksum(packet, PROTOCOL.UDP)) {
    return state.drop('bad-udp-checksum');
  }
  const port = readUint16(buffer, transport);
  const socket = state.udp.find(packet.destination, readUint16(buffer, transport + 2));
  if (!socket?.accepts(packet.source, port)) {
    state.drop('closed-udp-port');
    // RFC 1122 4.1.3.1: ICMP says that nothing is at the port.
    return answerUnreachable(state, 'port');
  }
  const offset = transport + UDP_HEADER_LENGTH;
  if (!socket.queue.push(packet, port, offset, length - UDP_HEADER_LENGTH)) {
    return state.drop('full-receive-queue');
  }
  return state.report(socket);
}
