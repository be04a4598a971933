/**
 * `answerReset`: sends the RST that answers a segment without a connection (RFC 9293 3.10.7.1).
 * While a connection is not established yet, an ACK of something that was never sent is also
 * answered with this RST.
 *
 * @module
 */
import { sumBytes } from '@litz/core/internals';
import { beginPacket, finishPacket } from '../ip/send.ts';
import type { StackState } from '../stack-state.ts';
import { writeInt32, writeUint16 } from '../wire/bytes.ts';
import { PROTOCOL } from '../wire/protocol.ts';
import { TCP_CHECKSUM_OFFSET, TCP_FLAG, TCP_HEADER_LENGTH } from '../wire/tcp-header.ts';
import { pseudoSum } from '../wire/udp-header.ts';

/**
 * Answers the segment `state.tcp.segment`, which came in `state.packet`. Does nothing if the
 * segment is a RST, or if the limit on RSTs is reached.
 */
export function answerReset(state: StackState): void {
  const { header, building, packet, tcp } = state;
  const { segment } = tcp;
  if (segment.has(TCP_FLAG.RST) || !tcp.resets.take(state.now)) return;
  header.begin(packet.destination, packet.source, PROTOCOL.TCP, 0);
  if (!beginPacket(state, TCP_HEADER_LENGTH)) return state.drop('full-output-queue');
  const { buffer, transport } = building;
  const hasAck = segment.has(TCP_FLAG.ACK);
  writeUint16(buffer, transport, segment.destinationPort);
  writeUint16(buffer, transport + 2, segment.sourcePort);
  writeInt32(buffer, transport + 4, hasAck ? segment.acknowledgement : 0);
  const end = (segment.sequence + segment.sequenceLength) | 0;
  writeInt32(buffer, transport + 8, hasAck ? 0 : end);
  buffer[transport + 12] = (TCP_HEADER_LENGTH / 4) << 4;
  buffer[transport + 13] = TCP_FLAG.RST | (hasAck ? 0 : TCP_FLAG.ACK);
  writeUint16(buffer, transport + 14, 0);
  writeInt32(buffer, transport + TCP_CHECKSUM_OFFSET, 0);
  const pseudo = pseudoSum(header, TCP_HEADER_LENGTH);
  const sum = ~sumBytes(buffer, transport, TCP_HEADER_LENGTH, pseudo);
  writeUint16(buffer, transport + TCP_CHECKSUM_OFFSET, sum);
  finishPacket(state);
}
