/**
 * Processes ICMP errors about segments of connections (RFC 1122 4.2.3.9, RFC 5927).
 *
 * To forge an ICMP error, an attacker must guess addresses, ports and a sequence number that is on
 * the way. An error never ends a connection that is established (RFC 5461).
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
  // RFC 5927 4.1: the error must quote a segment that is on the way.
  const sequence = readInt32(buffer, transport + 4);
  return isBefore(sequence, c.unacknowledged) || !isBefore(sequence, c.next) ? undefined : c;
}

/**
 * The MTU of the path has become smaller: segments on the way were too long, and are sent again as
 * smaller ones. This is not congestion (RFC 1191 6.5).
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
 * An error about a SYN ends the attempt to connect, even if the problem may be temporary. So the
 * program can try another address at once, instead of minutes later (RFC 5461 4.1; tcp_v4_err of
 * Linux).
 *
 * @param isHard whether the problem will last
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
