/**
 * What ICMP says about a segment of a connection (RFC 1122 4.2.3.9, RFC 5927).
 *
 * A forged message must guess the ends and a sequence number that is on the way. An error never
 * ends a connection that is established (RFC 5461).
 *
 * @module
 */
import type { StackError } from '../errors.ts';
import type { StackState } from '../stack-state.ts';
import { readInt32, readUint16 } from '../wire/bytes.ts';
import { isBefore } from '../wire/sequence.ts';
import type { Connection } from './connection.ts';
import { endFrto } from './early-timeout.ts';
import { endConnection, updateSegmentSize } from './lifecycle.ts';
import { SENT } from './sent-segments.ts';

/** Returns the connection that could have sent `state.quoted`; undefined: none. */
export function findQuotedConnection(state: StackState): Connection | undefined {
  const { buffer, transport, source, destination } = state.quoted;
  const localPort = readUint16(buffer, transport);
  const remotePort = readUint16(buffer, transport + 2);
  const c = state.tcp.connections.find(source, localPort, destination, remotePort);
  if (!c) return undefined;
  // RFC 5927 4.1: a segment that is on the way.
  const sequence = readInt32(buffer, transport + 4);
  return isBefore(sequence, c.unacknowledged) || !isBefore(sequence, c.next) ? undefined : c;
}

/**
 * The MTU of the path has become smaller: what is on the way was too long, and is sent again in
 * smaller segments. That is no congestion (RFC 1191 6.5).
 */
export function receiveTooBig(state: StackState, c: Connection): void {
  const before = c.segmentSize;
  updateSegmentSize(state, c);
  if (c.segmentSize >= before || !c.isSynchronized) return;
  for (let i = 0; i < c.sending.sent.count; i++)
    if (!c.sending.sent.has(i, SENT.SACKED)) c.sending.sent.markLost(i);
  endFrto(c);
  c.sending.probe = 'none';
  c.sending.phase = 'loss';
  c.sending.recoveryPoint = c.next;
  c.sending.mustResend = true;
  state.tcp.wake(c);
}

/**
 * An error about the SYN of a program ends the attempt, also one that may pass: the program can try
 * another address at once, instead of minutes later (RFC 5461 4.1; tcp_v4_err of Linux).
 *
 * @param isHard whether it will not change soon
 */
export function receiveUnreachable(
  state: StackState,
  c: Connection,
  error: StackError,
  isHard: boolean,
): void {
  const isFatal = isHard || c.state === 'syn-sent';
  if (isFatal && !c.isSynchronized) endConnection(state, c, error);
  else c.sending.softError = error;
}
