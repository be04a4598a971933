/**
 * How a connection begins and ends: its first sequence numbers, its states, and when its memory is
 * freed.
 *
 * @module
 */
import type { StackError } from '../errors.ts';
import type { StackState } from '../stack-state.ts';
import type { IpAddress } from '../wire/ip-address.ts';
import { ipHeaderLength } from '../wire/ip-header.ts';
import { isAfter } from '../wire/sequence.ts';
import { TCP_HEADER_LENGTH, TIMESTAMPS_LENGTH } from '../wire/tcp-header.ts';
import { Connection, type TcpState } from './connection.ts';
import type { CheckedTcpOptions } from './tcp-options.ts';

/** Both ends of a connection. */
export interface Ends {
  readonly local: IpAddress;
  readonly localPort: number;
  readonly remote: IpAddress;
  readonly remotePort: number;
}

/**
 * How long TIME-WAIT lasts: two maximum segment lifetimes. In RFC 9293 3.4.2 one lifetime is two
 * minutes. This is TCP_TIMEWAIT_LEN of Linux, so one lifetime is 30 s.
 */
export const TIME_WAIT_MS = 60_000;

/** Returns a new connection in the state 'closed', and adds it to the table. */
export function createConnection(
  state: StackState,
  ends: Ends,
  options: CheckedTcpOptions,
): Connection {
  const { tcp, pool, now } = state;
  const { local, localPort, remote, remotePort } = ends;
  const hash = tcp.connections.hashOf(local, localPort, remote, remotePort);
  const high = state.hash.high;
  const c = new Connection({ local, localPort, remote, remotePort, hash }, options, pool);
  // RFC 6528 3: a clock that counts every four microseconds, and a hash of addresses and ports that
  // nobody can predict.
  beginAt(c, (Math.floor((now * 250) % 2 ** 32) + high) | 0);
  c.timestampOffset = timestampOffsetOf(state, hash);
  c.receiveScale = scaleFor(options.receiveBuffer);
  c.usesTimestamps = c.usesSack = true;
  updateSegmentSize(state, c);
  tcp.connections.add(c);
  return c;
}

/** Sets the initial sequence number. */
export function beginAt(c: Connection, initialSequence: number): void {
  c.initialSequence = initialSequence;
  c.unacknowledged = c.next = initialSequence;
  c.dataStart = (initialSequence + 1) | 0;
}

/**
 * Lets a new connection begin after all sequence numbers that the previous connection with the same
 * ends has used (RFC 9293 3.6.1). The distance is that of Linux: more than a window without
 * scaling.
 */
export function beginAfter(c: Connection, previous: Connection): void {
  if (isAfter(c.initialSequence, previous.next)) return;
  beginAt(c, (previous.next + FOLLOWING_DISTANCE) | 0);
}

/**
 * RFC 7323 7 recommends a random offset. This offset is the same for equal addresses and ports, so
 * that timestamps increase from one connection to the next (RFC 7323 B.2).
 *
 * @param hash the hash of addresses and ports, from `ConnectionTable.hashOf`
 */
export function timestampOffsetOf(state: StackState, hash: number): number {
  return state.hash.begin().word(hash).word(TIMESTAMP_LABEL).end();
}

/**
 * Must be called when the MTU of the path or the segment size of the other side may have changed.
 */
export function updateSegmentSize(state: StackState, c: Connection): void {
  c.pathVersion = state.pathMtus.versionAt(state.now);
  const own = ownSegmentSize(state, c.remote);
  // RFC 9293 3.7.1; a SYN says what we can receive, which does not depend on the other side.
  const isOpen = c.isSynchronized || c.state === 'syn-received';
  const size = isOpen ? Math.min(own, c.remoteSegmentSize) : own;
  const options = c.usesTimestamps ? TIMESTAMPS_LENGTH : 0;
  c.segmentSize = Math.max(LEAST_SIZE, size - options);
  c.probeLength = isOpen && c.usesSack ? probeLengthOf(state, c) : 0;
  if (c.hasSent) c.sending.congestion.segmentSize = c.segmentSize;
}

/** Returns how many bytes of data fit into a packet to `remote`, without options. */
export function ownSegmentSize(state: StackState, remote: IpAddress): number {
  const mtu = state.pathMtus.of(remote, state.mtu, state.now);
  return mtu - ipHeaderLength(remote.version) - TCP_HEADER_LENGTH;
}

/** Changes the state, and reports it to the program. */
export function changeState(state: StackState, c: Connection, to: TcpState): void {
  c.state = to;
  if (to === 'time-wait') beginTimeWait(state, c);
  c.user?.changed();
}

/** Ends the connection. If there is no `error`, data that waits can still be read. */
export function endConnection(state: StackState, c: Connection, error?: StackError): void {
  if (c.state === 'closed') return;
  c.state = 'closed';
  c.error ??= error;
  c.ackAt = c.slowAt = Infinity;
  c.stopSending();
  const isUnread = error || c.isReadClosed || !c.user;
  if (isUnread && c.hasReceived) c.receiving.buffer.clear();
  state.tcp.timeWait.delete(c);
  state.tcp.connections.remove(c);
  state.tcp.deadlines.remove(c);
  c.listener?.forget(c);
  c.listener = undefined;
  c.user?.changed();
}

/** Ends the connection with a RST (RFC 9293 3.10.5). */
export function abortConnection(state: StackState, c: Connection, error: StackError): void {
  c.error ??= error;
  const isSilent = c.state === 'syn-sent' || c.state === 'time-wait' || c.state === 'closed';
  if (isSilent) return endConnection(state, c, error);
  c.needsReset = true;
  if (c.hasReceived) c.receiving.buffer.clear();
  state.tcp.wake(c);
  return c.user?.changed();
}

/** Starts the time of TIME-WAIT, in which old segments may still arrive (RFC 9293 3.10.7.4). */
export function beginTimeWait(state: StackState, c: Connection): void {
  const { timeWait } = state.tcp;
  c.slowAt = state.now + TIME_WAIT_MS;
  c.stopSending();
  timeWait.delete(c);
  timeWait.add(c);
  state.tcp.wake(c);
  if (timeWait.size <= MOST_TIME_WAITS) return;
  // The oldest one is nearest to its end.
  for (const oldest of timeWait) return endConnection(state, oldest);
}

/**
 * Returns the shift with which the size of the buffer fits into 16 bits; at most 14 (RFC 7323 2.3).
 */
export function scaleFor(receiveBuffer: number): number {
  return Math.min(14, Math.max(0, Math.ceil(Math.log2(receiveBuffer / 0xffff))));
}

/**
 * Returns the length of the packet to probe the path with; 0: none. Call it only if the connection
 * uses SACK. Without SACK, the loss of a probe alone cannot be told from other losses.
 */
function probeLengthOf({ pathMtus, mtu, now }: StackState, c: Connection): number {
  if (pathMtus.size === 0) return 0;
  const headers = ipHeaderLength(c.remote.version) + TCP_HEADER_LENGTH;
  return pathMtus.probeLength(c.remote, Math.min(mtu, c.remoteSegmentSize + headers), now);
}

/** Makes these hashes differ from hashes with another purpose. */
const TIMESTAMP_LABEL = 0x54494d45;
const FOLLOWING_DISTANCE = 0x10001;
/**
 * In bytes. Two segments of this size and one header fit into 552 bytes, the smallest MTU that is
 * used for IPv4.
 */
const LEAST_SIZE = 256;
const MOST_TIME_WAITS = 16_384;
