/**
 * The segments that begin a connection: the states LISTEN and SYN-SENT (RFC 9293 3.10.7.2,
 * 3.10.7.3), and the options that both sides agree on.
 *
 * @module
 */
import { StackError } from '../errors.ts';
import type { StackState } from '../stack-state.ts';
import { IpAddress } from '../wire/ip-address.ts';
import { TCP_FLAG, type TcpHeader } from '../wire/tcp-header.ts';
import type { Connection } from './connection.ts';
import {
  beginAt,
  beginAfter,
  changeState,
  createConnection,
  endConnection,
  updateSegmentSize,
  type Ends,
} from './lifecycle.ts';
import { answerReset } from './reset.ts';
import { asksForEcn, readCookie, sendCookie, windowOfCookie } from './syn-cookie.ts';
import type { BoundListener } from './tcp-context.ts';
import { armKeepAlive } from './timers.ts';

/**
 * Processes a segment for a listener (RFC 9293 3.10.7.2).
 *
 * @param previous a connection in TIME-WAIT that the segment has ended; undefined: none
 * @returns a connection that a SYN cookie has begun; the caller must give it the segment
 */
export function receiveSyn(
  state: StackState,
  listener: BoundListener,
  segment: TcpHeader,
  previous: Connection | undefined,
): Connection | undefined {
  if (segment.has(TCP_FLAG.RST)) return undefined;
  if (segment.has(TCP_FLAG.ACK)) return receiveCookie(state, listener, segment);
  if (!segment.has(TCP_FLAG.SYN)) return undefined;
  // The sequence numbers of the new connection must begin after those of `previous`. With a SYN
  // cookie they could not, because the cookie is itself the first sequence number.
  if (listener.hasFreePlace || previous) beginHandshake(state, listener, segment, previous);
  else if (listener.canWait) sendCookie(state, listener, segment);
  // The segment is not answered, so the other side tries again.
  else state.drop('full-backlog');
  return undefined;
}

/** Processes a segment for a connection in SYN-SENT (RFC 9293 3.10.7.3). */
export function receiveSynSent(state: StackState, c: Connection, segment: TcpHeader): void {
  const hasAck = segment.has(TCP_FLAG.ACK);
  const { acknowledgement } = segment;
  if (hasAck && acknowledgement !== c.next) return answerReset(state);
  if (segment.has(TCP_FLAG.RST)) {
    if (!hasAck) return undefined;
    const name = `${c.remote.toString()} port ${c.remotePort}`;
    return endConnection(state, c, new StackError('ECONNREFUSED', `${name} refused`));
  }
  if (!segment.has(TCP_FLAG.SYN)) return undefined;
  agree(state, c, segment, segment.sequence);
  c.needsAck = true;
  if (!hasAck) {
    // Both sides have begun at once (RFC 9293 figure 7): our SYN is sent again, with an ACK.
    c.usesEcn = false;
    return changeState(state, c, 'syn-received');
  }
  c.usesEcn = c.options.ecn && segment.has(TCP_FLAG.ECE) && !segment.has(TCP_FLAG.CWR);
  return establish(state, c, segment);
}

/** Opens the connection: the other side has acknowledged our SYN, so data may flow. */
export function establish(state: StackState, c: Connection, segment: TcpHeader): void {
  const wasLost = c.hasSent && c.sending.retries > 0;
  noteRoundTrip(state, c);
  // This saves memory, because most connections wait for the other side first. The state of sending
  // is made again when data is sent.
  c.forgetSending();
  c.unacknowledged = segment.acknowledgement;
  // RFC 7323 2.2: the window of a SYN is not scaled.
  const scale = segment.has(TCP_FLAG.SYN) ? 0 : c.sendScale;
  c.sendWindow = segment.window << scale;
  c.largestWindow = c.sendWindow;
  c.windowSequence = segment.sequence;
  c.windowAcknowledgement = segment.acknowledgement;
  c.state = 'established';
  updateSegmentSize(state, c);
  if (wasLost) {
    // RFC 5681 3.1: a lost SYN means congestion.
    c.sending.congestion.window = c.segmentSize;
    c.sending.rto.afterLostSyn();
  }
  c.lastAckSent = c.receiveNext;
  // If the program closed the connection before it was open, the FIN follows (RFC 9293 3.10.4).
  changeState(state, c, c.finQueued ? 'fin-wait-1' : 'established');
  armKeepAlive(state, c);
}

/** Measures the round trip of our SYN, if it was sent only once (RFC 6298 3). */
function noteRoundTrip({ now }: StackState, c: Connection): void {
  if (!c.hasSent) return;
  const { sent, retries } = c.sending;
  if (sent.count === 0 || retries > 0) return;
  // 0 would mean "not measured", so a round trip that is too short for the clock counts as 1 µs.
  const microseconds = Math.round((now - sent.sentAt(0)) * 1000);
  c.handshakeMicroseconds = Math.min(Math.max(1, microseconds), MOST_MICROSECONDS);
}

function beginHandshake(
  state: StackState,
  listener: BoundListener,
  segment: TcpHeader,
  previous: Connection | undefined,
): void {
  const c = createConnection(state, endsOf(state, segment), listener.options);
  if (previous) beginAfter(c, previous);
  c.listener = listener;
  listener.begin(c);
  c.state = 'syn-received';
  agree(state, c, segment, segment.sequence);
  c.usesEcn = c.options.ecn && asksForEcn(segment);
  state.tcp.wake(c);
}

/**
 * An acknowledgement for a listener may answer a SYN cookie. If it does not, it belongs to no
 * connection.
 */
function receiveCookie(
  state: StackState,
  listener: BoundListener,
  segment: TcpHeader,
): Connection | undefined {
  const isCookie = !segment.has(TCP_FLAG.SYN) && readCookie(state, listener, segment);
  if (!isCookie && !wasRefusedLately(state, listener)) {
    answerReset(state);
    return undefined;
  }
  if (!isCookie || !listener.canWait) {
    if (isCookie) listener.refusedAt = state.now;
    state.drop('full-backlog');
    return undefined;
  }
  const c = createConnection(state, endsOf(state, segment), listener.options);
  beginAt(c, (segment.acknowledgement - 1) | 0);
  c.next = segment.acknowledgement;
  c.state = 'syn-received';
  agree(state, c, segment, (segment.sequence - 1) | 0);
  c.announcedEdge = (c.receiveNext + windowOfCookie(listener)) | 0;
  c.usesEcn = asksForEcn(segment);
  segment.flags &= ~(TCP_FLAG.ECE | TCP_FLAG.CWR);
  c.listener = listener;
  establish(state, c, segment);
  listener.complete(c);
  return c;
}

/**
 * Whether a cookie was refused a short time ago, because no more connections could wait. Its sender
 * may go on with data, and only the first segment of that data has a valid cookie. Later segments
 * must not be answered with a RST: the connection can still begin when the first segment is sent
 * again.
 */
function wasRefusedLately({ now }: StackState, { refusedAt }: BoundListener): boolean {
  return now - refusedAt < REFUSED_MS;
}

function endsOf({ packet }: StackState, segment: TcpHeader): Ends {
  return {
    local: copyOf(packet.destination),
    localPort: segment.destinationPort,
    remote: copyOf(packet.source),
    remotePort: segment.sourcePort,
  };
}

/**
 * Takes over the sequence number and the options of the SYN of the other side.
 *
 * @param sequence the sequence number of the SYN
 */
function agree(state: StackState, c: Connection, segment: TcpHeader, sequence: number): void {
  c.receiveNext = (sequence + 1) | 0;
  c.announcedEdge = c.receiveNext;
  c.lastAckSent = c.receiveNext;
  // RFC 9293 3.7.1: without the option the segment size is 536, or 1220 over IPv6.
  const least = c.remote.version === 4 ? 536 : 1220;
  c.remoteSegmentSize = segment.maximumSegmentSize || least;
  c.usesTimestamps &&= segment.hasTimestamps;
  if (c.usesTimestamps) {
    c.recentTimestamp = segment.timestamp;
    c.recentTimestampSecond = Math.floor(state.now / 1000);
  }
  c.usesSack &&= segment.allowsSack;
  // RFC 7323 2.2: both sides must offer window scaling.
  if (segment.windowScale === -1) c.receiveScale = -1;
  c.sendScale = Math.max(0, segment.windowScale);
}

function copyOf(address: IpAddress): IpAddress {
  const copy = new IpAddress();
  copy.copy(address);
  return copy;
}

/** 18 minutes. In Node.js, V8 stores an integer up to this one without an object. */
const MOST_MICROSECONDS = 2 ** 30;
/** As long as a cookie is valid. */
const REFUSED_MS = 120_000;
