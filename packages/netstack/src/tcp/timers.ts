/**
 * When the timers of a connection start, and what they do.
 *
 * @module
 */
import { StackError } from '../errors.ts';
import type { StackState } from '../stack-state.ts';
import { distance } from '../wire/sequence.ts';
import type { Connection } from './connection.ts';
import { beginEarlyTimeout } from './early-timeout.ts';
import { abortConnection, endConnection, updateSegmentSize } from './lifecycle.ts';
import { failProbe, followProbe, hasLoss } from './path-probe.ts';
import { enterRecovery, flightSize, pipeOf, rackDetectLoss } from './recovery.ts';
import { timestampOf } from './timestamp.ts';

/**
 * Starts the timer of retransmissions, or stops it if nothing is on the way: RFC 6298 5.1 to 5.3.
 * If the connection uses SACK, a tail loss probe comes first (RFC 8985 7.2).
 */
export function armRetransmit({ now }: StackState, c: Connection): void {
  if (!c.hasSent) return;
  if (c.sending.sent.count === 0) {
    if (c.sending.retransmitKind !== 'window-probe') c.sending.retransmitAt = Infinity;
    return;
  }
  c.sending.retransmitKind = 'timeout';
  c.sending.retransmitAt = now + c.sending.rto.timeout;
  armTailProbe(now, c);
}

/**
 * Must be called when new data was sent. A running timer goes on, but the time of a tail loss probe
 * counts from the last segment.
 */
export function armForNewData(state: StackState, c: Connection): void {
  if (c.sending.retransmitAt === Infinity || c.sending.retransmitKind !== 'timeout')
    armRetransmit(state, c);
  else armTailProbe(state.now, c);
}

/**
 * Starts the timer for a window probe, because nothing is on the way, and the window is too small
 * for the data that waits (RFC 9293 3.8.6.1, 3.8.6.2.1).
 *
 * @param usable for how many bytes the window has space
 */
export function armWindowProbe({ now }: StackState, c: Connection, usable: number): void {
  c.sending.retransmitKind = 'window-probe';
  // A window that is smaller than a segment is used after a short time. A closed one is probed with
  // the usual back-off.
  const delay = usable > 0 ? SILLY_WINDOW_MS : c.sending.rto.timeout;
  c.sending.retransmitAt = now + delay;
}

/** Starts the timer for a delayed acknowledgement (RFC 9293 3.8.6.3: at most 0.5 s). */
export function armDelayedAck({ now }: StackState, c: Connection): void {
  if (c.ackAt === Infinity) c.ackAt = now + DELAYED_ACK_MS;
}

/** Starts the keepalive timer, if keepalive is on (RFC 9293 3.8.4). */
export function armKeepAlive({ now }: StackState, c: Connection): void {
  if (c.keepAliveAfter > 0 && c.isSynchronized && c.state !== 'time-wait') {
    c.slowAt = now + c.keepAliveAfter;
  }
}

/** Fires all timers that are due. */
export function fireTimers(state: StackState): void {
  const { deadlines } = state.tcp;
  for (let c = deadlines.first(); c && c.heapKey <= state.now; c = deadlines.first()) {
    if (c.ackAt <= state.now) fireDelayedAck(c);
    if (c.hasSent && c.sending.reorderAt <= state.now) fireReordering(state, c);
    if (c.hasSent && c.sending.retransmitAt <= state.now) fireRetransmit(state, c);
    if (c.slowAt <= state.now) fireSlow(state, c);
    if (c.state !== 'closed') state.tcp.wake(c);
    else deadlines.remove(c);
  }
}

/** Starts the timer for a tail loss probe, if that comes before the timeout (RFC 8985 7.2). */
function armTailProbe(now: number, c: Connection): void {
  if (!canProbeTail(c)) return;
  // The acknowledgement of a single segment may be delayed.
  const late = pipeOf(c) <= c.segmentSize ? LATEST_ACK_MS : 0;
  const probeAt = now + 2 * c.sending.rto.smoothed + CLOCK_MS + late;
  if (probeAt >= c.sending.retransmitAt) return;
  c.sending.retransmitKind = 'tail-probe';
  c.sending.retransmitAt = probeAt;
}

function fireDelayedAck(c: Connection): void {
  c.ackAt = Infinity;
  c.needsAck = true;
}

/** The reordering timer has fired (RFC 8985 6.3). */
function fireReordering(state: StackState, c: Connection): void {
  rackDetectLoss(state, c);
  followProbe(state, c);
  if (c.sending.phase === 'open' && hasLoss(c)) enterRecovery(c, 0);
}

function fireRetransmit(state: StackState, c: Connection): void {
  c.sending.retransmitAt = Infinity;
  if (c.sending.retransmitKind === 'tail-probe') return probeTail(state, c);
  if (c.sending.retransmitKind === 'window-probe') return probeWindow(state, c);
  return fireTimeout(state, c);
}

/** RFC 8985 7.3: sends new data if there is any. If there is none, sends the last segment again. */
function probeTail(state: StackState, c: Connection): void {
  const { sent } = c.sending;
  const hasNew = distance(c.dataEnd, c.next) > 0;
  const usable = c.sendWindow - distance(c.next, c.unacknowledged);
  c.sending.tailProbeEnd = c.next;
  if (hasNew && usable >= Math.min(c.segmentSize, distance(c.dataEnd, c.next))) {
    c.sending.tailProbe = 'new-data';
    c.sending.congestion.window = Math.max(c.sending.congestion.window, pipeOf(c) + c.segmentSize);
  } else {
    c.sending.tailProbe = 'resent';
    const last = sent.splitAt((c.next - Math.min(c.segmentSize, sent.length(sent.count - 1))) | 0);
    sent.markLost(last);
    c.sending.mustResend = true;
  }
  c.sending.retransmitKind = 'timeout';
  c.sending.retransmitAt = state.now + c.sending.rto.timeout;
}

/**
 * RFC 8985 7.2: a tail loss probe is sent only if the connection uses SACK, if nothing is being
 * recovered, and if no other tail loss probe is on the way.
 */
function canProbeTail(c: Connection): boolean {
  return (
    c.usesSack &&
    c.isSynchronized &&
    c.sending.phase === 'open' &&
    c.sending.tailProbe === 'none' &&
    c.sending.rto.smoothed > 0 &&
    c.sending.sent.sacked === 0 &&
    c.sending.rto.backoff === 0
  );
}

/** RFC 9293 3.8.6.1: a closed window is probed for as long as the other side answers. */
function probeWindow(state: StackState, c: Connection): void {
  if (c.sendWindow > 0) {
    c.sending.overridesSillyWindow = true;
    return;
  }
  if (c.probes >= MOST_RETRIES) return giveUp(state, c);
  c.probes++;
  c.needsProbe = true;
  c.sending.rto.backoff++;
  armWindowProbe(state, c, 0);
}

/** The retransmission timer has fired (RFC 6298 5.4 to 5.7, RFC 5681 3.1). */
function fireTimeout(state: StackState, c: Connection): void {
  const most = c.isSynchronized ? MOST_RETRIES : MOST_SYN_RETRIES;
  if (c.sending.retries >= most) return giveUp(state, c);
  const isFirst = c.sending.retries === 0;
  c.sending.retries++;
  c.sending.rto.backoff++;
  const { sent } = c.sending;
  // The receiver may have dropped data that it has reported (RFC 2018 8).
  sent.forgetSacks();
  for (let i = 0; i < sent.count; i++) sent.markLost(i);
  if (c.isSynchronized) {
    findBlackHole(state, c);
    beginEarlyTimeout(c, c.usesTimestamps ? timestampOf(c, state.now) : 0, isFirst);
    // RFC 5681 3.1: the threshold is set only once for one loss.
    if (isFirst) c.sending.congestion.onTimeout(flightSize(c, 0));
    else c.sending.congestion.window = c.segmentSize;
  }
  c.sending.phase = 'loss';
  c.sending.recoveryPoint = c.next;
  c.sending.duplicateAcks = 0;
  c.sending.mustResend = true;
  c.sending.tailProbe = 'none';
  failProbe(state, c);
  c.sending.reorderAt = Infinity;
  c.sending.retransmitKind = 'timeout';
  c.sending.retransmitAt = state.now + c.sending.rto.timeout;
}

/**
 * RFC 4821 7.7: several timeouts in a row may mean that the path loses long packets and also the
 * ICMP messages "too big" about them. As with tcp_mtu_probing of Linux, the search begins at a
 * smaller MTU, but not below 1024, which passes nearly everywhere.
 */
function findBlackHole(state: StackState, c: Connection): void {
  if (c.sending.retries < BLACK_HOLE_RETRIES) return;
  const { pathMtus, mtu, now } = state;
  const current = pathMtus.of(c.remote, mtu, now);
  // A short segment says nothing about long ones.
  if (c.sending.sent.count === 0 || distance(c.next, c.unacknowledged) < c.segmentSize) return;
  const safe = Math.max(SAFE_MTU, current / 2) | 0;
  if (pathMtus.suspect(c.remote, safe, current, now)) updateSegmentSize(state, c);
}

/**
 * Sends a keepalive probe (RFC 9293 3.8.4), or ends TIME-WAIT, or ends FIN-WAIT-2 if the program
 * has closed the connection.
 */
function fireSlow(state: StackState, c: Connection): void {
  c.slowAt = Infinity;
  if (c.state === 'time-wait') return endConnection(state, c);
  if (c.state === 'fin-wait-2' && c.isReadClosed) return endConnection(state, c);
  if (c.keepAliveAfter === 0) return undefined;
  // The deadline was computed as this same sum, so the comparison is exact. The difference `now -
  // lastHeardAt` could be rounded to less than `keepAliveAfter` at the deadline. Then the same
  // deadline would be set again, without end.
  const dueAt = c.lastHeardAt + c.keepAliveAfter;
  if (state.now < dueAt) {
    c.probes = 0;
    c.slowAt = dueAt;
    return undefined;
  }
  // While something is on the way, the retransmission timer decides.
  if (!c.hasSent || c.sending.sent.count === 0) {
    if (c.probes >= MOST_KEEPALIVES) return giveUp(state, c);
    c.probes++;
    c.needsProbe = true;
  }
  c.slowAt = state.now + Math.min(c.keepAliveAfter, KEEPALIVE_INTERVAL_MS);
  return undefined;
}

/** Ends a connection whose other side does not answer (R2 of RFC 9293 3.8.3). */
function giveUp(state: StackState, c: Connection): void {
  const text = `${c.remote.toString()} port ${c.remotePort} does not answer`;
  const softError = c.hasSent ? c.sending.softError : undefined;
  const error = softError ?? new StackError('ETIMEDOUT', text);
  if (c.isSynchronized) abortConnection(state, c, error);
  else endConnection(state, c, error);
}

/** tcp_retries2 of Linux: about 15 minutes. RFC 9293 3.8.3 wants 100 seconds at least. */
const MOST_RETRIES = 15;
/** RFC 9293 3.8.3: three minutes at least for a SYN: 1 + 2 + ... + 32 + 60 + 60 s. */
const MOST_SYN_RETRIES = 7;
/** As in Linux (TCP_DELACK_MIN): shorter than the usual retransmission timeouts. */
const DELAYED_ACK_MS = 40;
/** RFC 8985 7.2: TLP.max_ack_delay. */
const LATEST_ACK_MS = 200;
/** By how much the timers of an event loop may be late; TCP_TIMEOUT_MIN of Linux. */
const CLOCK_MS = 2;
/** RFC 9293 3.8.6.2.1: 0.1 to 1 s. */
const SILLY_WINDOW_MS = 200;
const MOST_KEEPALIVES = 9;
const KEEPALIVE_INTERVAL_MS = 75_000;
const BLACK_HOLE_RETRIES = 3;
const SAFE_MTU = 1024;
