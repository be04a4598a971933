/**
 * Processes a received segment (RFC 9293 3.10.7): finds its connection, and does what the state of
 * the connection demands.
 *
 * @module
 */
import { StackError } from '../errors.ts';
import type { StackState } from '../stack-state.ts';
import { PROTOCOL } from '../wire/protocol.ts';
import { distance, isAfter, isBefore } from '../wire/sequence.ts';
import { TCP_FLAG, type TcpHeader } from '../wire/tcp-header.ts';
import { hasRightChecksum } from '../wire/udp-header.ts';
import { receiveAck } from './acknowledgement.ts';
import { challenge } from './challenge.ts';
import type { Connection } from './connection.ts';
import { establish, receiveSyn, receiveSynSent } from './handshake.ts';
import { receiveData } from './incoming-data.ts';
import { beginTimeWait, changeState, endConnection } from './lifecycle.ts';
import { answerReset } from './reset.ts';
import { armKeepAlive } from './timers.ts';

/**
 * Gives the segment in `state.packet` to its connection or listener.
 *
 * @param isTrusted whether the checksum need not be verified: a device has verified it, or the
 *   packet was made on this machine and its checksum is not complete yet
 */
export function receiveTcp(state: StackState, isTrusted: boolean): void {
  const { packet, tcp } = state;
  const { segment } = tcp;
  if (!segment.read(packet)) return state.drop('malformed-tcp');
  if (!isTrusted && !hasRightChecksum(packet, PROTOCOL.TCP)) return state.drop('bad-tcp-checksum');
  const { destination, source } = packet;
  const { sourcePort, destinationPort } = segment;
  const c = tcp.connections.find(destination, destinationPort, source, sourcePort);
  if (c && !(c.state === 'time-wait' && isReincarnation(c, segment))) {
    c.lastHeardAt = state.now;
    receiveSegment(state, c, segment);
    if (c.state !== 'closed') tcp.wake(c);
    return undefined;
  }
  const listener = tcp.listeners.find(destination, destinationPort);
  if (!listener) {
    state.drop('closed-tcp-port');
    return answerReset(state);
  }
  if (c && !listener.canWait) return state.drop('full-backlog');
  if (c) endConnection(state, c);
  const begun = receiveSyn(state, listener, segment, c);
  if (!begun) return undefined;
  receiveSegment(state, begun, segment);
  if (begun.state !== 'closed') tcp.wake(begun);
  return undefined;
}

/**
 * Whether a SYN ends TIME-WAIT and begins a new connection (RFC 9293 3.10.7.4, RFC 6191 2). It does
 * if its timestamp is later. If the timestamp is equal or missing, the sequence number must be
 * later. A SYN with an earlier timestamp is an old duplicate.
 */
function isReincarnation(c: Connection, segment: TcpHeader): boolean {
  const { SYN, ACK, RST } = TCP_FLAG;
  if ((segment.flags & (SYN | ACK | RST)) !== SYN) return false;
  if (c.usesTimestamps && segment.hasTimestamps) {
    if (isAfter(segment.timestamp, c.recentTimestamp)) return true;
    if (segment.timestamp !== c.recentTimestamp) return false;
  }
  return isAfter(segment.sequence, c.receiveNext);
}

function receiveSegment(state: StackState, c: Connection, segment: TcpHeader): void {
  if (c.state === 'syn-sent') return receiveSynSent(state, c, segment);
  if (!isCurrent(state, c, segment)) return undefined;
  if (isCrossedSyn(c, segment)) return establish(state, c, segment);
  if (!isAcceptable(c, segment)) return answerUnacceptable(state, c, segment);
  if (segment.has(TCP_FLAG.RST)) return receiveReset(state, c, segment);
  if (segment.has(TCP_FLAG.SYN)) {
    // RFC 5961 4.2: a SYN never begins a new connection here.
    challenge(state, c);
    return undefined;
  }
  if (!segment.has(TCP_FLAG.ACK)) return undefined;
  noteTimestamp(state, c, segment);
  if (c.state === 'syn-received' && !receiveHandshakeAck(state, c, segment)) return undefined;
  if (!receiveAck(state, c, segment)) return undefined;
  noteEcn(state, c, segment);
  afterAck(state, c);
  if (c.state === 'time-wait') {
    // RFC 9293 3.10.7.4: only a repeated FIN can come. It starts the time of TIME-WAIT again.
    if (segment.has(TCP_FLAG.FIN)) {
      c.needsAck = true;
      beginTimeWait(state, c);
    }
    return undefined;
  }
  if (hasLeft(c)) return undefined;
  receiveData(state, c, segment);
  return armKeepAlive(state, c);
}

/** Whether the FIN of the other side has come (RFC 9293 3.10.7.4), or the connection is closed. */
function hasLeft({ state }: Connection): boolean {
  return (
    state === 'close-wait' || state === 'closing' || state === 'last-ack' || state === 'closed'
  );
}

/**
 * RFC 9293 figure 7: both sides have sent a SYN and then a SYN with ACK. The SYN with ACK begins
 * before the window, but its ACK counts.
 */
function isCrossedSyn(c: Connection, segment: TcpHeader): boolean {
  const { SYN, ACK, RST } = TCP_FLAG;
  return (
    c.state === 'syn-received' &&
    c.listener === undefined &&
    (segment.flags & (SYN | ACK | RST)) === (SYN | ACK) &&
    segment.sequence === ((c.receiveNext - 1) | 0) &&
    segment.acknowledgement === c.next
  );
}

/** PAWS (RFC 7323 5.3): a segment with an old timestamp is from long ago. */
function isCurrent(state: StackState, c: Connection, segment: TcpHeader): boolean {
  if (!c.usesTimestamps || segment.has(TCP_FLAG.RST)) return true;
  // RFC 7323 3.2: a segment without the option should be dropped, but Linux accepts it, and so does
  // this stack.
  if (!segment.hasTimestamps || !isBefore(segment.timestamp, c.recentTimestamp)) return true;
  // RFC 7323 5.5: after 24 days of silence, the clock may have wrapped.
  if (isLongAgo(state, c)) return true;
  c.needsAck = true;
  return false;
}

/** RFC 9293 3.10.7.4, the four cases of "first, check sequence number". */
function isAcceptable(c: Connection, segment: TcpHeader): boolean {
  const { sequence } = segment;
  const length = segment.sequenceLength;
  const window = distance(c.announcedEdge, c.receiveNext);
  const start = distance(sequence, c.receiveNext);
  if (length === 0) return window === 0 ? start === 0 : start >= 0 && start < window;
  const last = start + length - 1;
  if (window === 0) return false;
  return (start >= 0 && start < window) || (last >= 0 && last < window) || (start < 0 && last >= 0);
}

/**
 * RFC 9293 3.10.7.4: the segment is answered with an ACK, and a duplicate of data is reported (RFC
 * 2883). Data, a FIN, a repeated SYN and a probe are always answered. Other segments get a
 * challenge ACK. The number of challenge ACKs is limited, because two sides could answer each other
 * forever (RFC 5961 5).
 */
function answerUnacceptable(state: StackState, c: Connection, segment: TcpHeader): void {
  if (segment.has(TCP_FLAG.RST)) return;
  const isRepeated = c.state === 'syn-received' && segment.has(TCP_FLAG.SYN);
  if (isRepeated || segment.dataLength > 0 || segment.has(TCP_FLAG.FIN)) {
    c.needsAck = true;
    if (segment.dataLength > 0 && c.usesSack && !c.receiving.hasDuplicate) {
      const end = (segment.sequence + segment.dataLength) | 0;
      c.receiving.hasDuplicate = !isAfter(end, c.receiveNext);
      c.receiving.duplicateStart = segment.sequence;
      c.receiving.duplicateEnd = end;
    }
    if (c.state === 'time-wait' && segment.has(TCP_FLAG.FIN)) beginTimeWait(state, c);
  } else if (segment.sequence === ((c.receiveNext - 1) | 0)) {
    c.needsAck = true;
  } else {
    challenge(state, c);
  }
}

/**
 * RFC 5961 3.2: only a RST with the exact sequence number ends the connection. A RST with another
 * sequence number in the window is answered with a challenge ACK.
 */
function receiveReset(state: StackState, c: Connection, segment: TcpHeader): void {
  if (segment.sequence !== c.receiveNext) {
    challenge(state, c);
    return;
  }
  const name = `${c.remote.toString()} port ${c.remotePort}`;
  const isRefused = c.state === 'syn-received' && !c.listener;
  // RFC 9293 3.10.7.4: in these states a RST is no error, unless data was not acknowledged.
  const isLast = c.state === 'time-wait' || c.state === 'last-ack' || c.state === 'closing';
  const isOver = isLast && c.sendBuffer.length === 0;
  const code = isRefused ? 'ECONNREFUSED' : 'ECONNRESET';
  const text = isRefused ? `${name} refused` : `${name} ended the connection`;
  endConnection(state, c, isOver ? undefined : new StackError(code, text));
}

/** RFC 7323 4.3: the timestamp to echo is that of the segment at the left edge of the window. */
function noteTimestamp(state: StackState, c: Connection, segment: TcpHeader): void {
  if (!c.usesTimestamps || !segment.hasTimestamps) return;
  if (isAfter(segment.sequence, c.lastAckSent)) return;
  if (isBefore(segment.timestamp, c.recentTimestamp) && !isLongAgo(state, c)) return;
  c.recentTimestamp = segment.timestamp;
  c.recentTimestampSecond = Math.floor(state.now / 1000);
}

/** RFC 7323 5.5: whether TS.Recent is so old that the clock of the other side may have wrapped. */
function isLongAgo({ now }: StackState, c: Connection): boolean {
  return now / 1000 - c.recentTimestampSecond > OLDEST_TIMESTAMP_S;
}

/** SYN-RECEIVED: the acknowledgement of our SYN. Returns false if the segment must be dropped. */
function receiveHandshakeAck(state: StackState, c: Connection, segment: TcpHeader): boolean {
  const { acknowledgement } = segment;
  if (!isAfter(acknowledgement, c.unacknowledged) || isAfter(acknowledgement, c.next)) {
    answerReset(state);
    return false;
  }
  // Nothing is lost: the other side sends its data again, and acknowledges our repeated SYN again.
  if (c.listener?.canWait === false) {
    state.drop('full-backlog');
    return false;
  }
  establish(state, c, segment);
  c.listener?.complete(c);
  return true;
}

/** RFC 3168 6.1.3: a mark is echoed until the other side says that it has reduced its window. */
function noteEcn({ packet }: StackState, c: Connection, segment: TcpHeader): void {
  if (!c.usesEcn) return;
  const isTold = segment.has(TCP_FLAG.CWR) && segment.dataLength > 0;
  if (isTold && c.hasReceived) c.receiving.echoesCongestion = false;
  if ((packet.trafficClass & 3) !== CONGESTION_EXPERIENCED) return;
  c.receiving.echoesCongestion = true;
  c.needsAck = true;
}

/** If our FIN is acknowledged, leaves the state that waits for this ACK (RFC 9293 3.10.7.4). */
function afterAck(state: StackState, c: Connection): void {
  if (!c.finSent || c.unacknowledged !== c.next) return;
  if (c.state === 'fin-wait-1') {
    // A connection that its program has closed must not wait forever (tcp_fin_timeout of Linux).
    if (c.isReadClosed) c.slowAt = state.now + FIN_WAIT_MS;
    changeState(state, c, 'fin-wait-2');
  } else if (c.state === 'closing') changeState(state, c, 'time-wait');
  else if (c.state === 'last-ack') endConnection(state, c);
}

const CONGESTION_EXPERIENCED = 3;
const FIN_WAIT_MS = 60_000;
const OLDEST_TIMESTAMP_S = 24 * 24 * 3600;
