/**
 * What is lost, and how the window shrinks because of it: RACK (RFC 8985 6), NewReno without SACK
 * (RFC 6582), and proportional rate reduction (RFC 6937).
 *
 * @module
 */
import type { StackState } from '../stack-state.ts';
import { distance, isAfter, isBefore } from '../wire/sequence.ts';
import type { Connection } from './connection.ts';
import { SENT } from './sent-segments.ts';

/** RFC 6675 4. Without SACK each duplicate acknowledgement says that one segment has left. */
export function pipeOf(c: Connection): number {
  if (c.usesSack) return c.sent.pipe;
  return Math.max(0, c.sent.pipe - c.duplicateAcks * c.segmentSize);
}

/** RFC 8985 6.2, step 2: an entry was delivered. */
export function rackDelivered(state: StackState, c: Connection, index: number): void {
  const { sent } = c;
  const sentAt = sent.sentAt(index);
  const end = sent.end(index);
  const roundTrip = state.now - sentAt;
  // An answer that came too early belongs to the first transmission.
  if (sent.has(index, SENT.EVER_RESENT) && roundTrip < c.rto.least) return;
  if (!sent.has(index, SENT.EVER_RESENT) && isBefore(end, c.rackForward))
    c.rackSawReordering = true;
  if (isAfter(end, c.rackForward)) c.rackForward = end;
  if (sentAt < c.rackSentAt || (sentAt === c.rackSentAt && !isAfter(end, c.rackEnd))) return;
  c.rackSentAt = sentAt;
  c.rackEnd = end;
  c.rackRoundTrip = roundTrip;
}

/** RFC 8985 6.2, step 5: marks what must be lost, and sets the timer for what may be. */
export function rackDetectLoss(state: StackState, c: Connection): void {
  const { sent } = c;
  c.reorderAt = Infinity;
  if (sent.count === 0 || c.rackSentAt === -Infinity) return;
  const window = reorderingWindow(c);
  for (let i = 0; i < sent.count; i++) {
    if (sent.has(i, SENT.SACKED)) continue;
    if (sent.has(i, SENT.LOST) && !sent.has(i, SENT.RESENT)) continue;
    const sentAt = sent.sentAt(i);
    const isOlder =
      sentAt < c.rackSentAt || (sentAt === c.rackSentAt && isBefore(sent.end(i), c.rackEnd));
    if (!isOlder) continue;
    const lostAt = sentAt + c.rackRoundTrip + window;
    if (lostAt <= state.now) sent.markLost(i);
    else c.reorderAt = Math.min(c.reorderAt, lostAt);
  }
}

/**
 * A duplicate was reported (RFC 8985 6.2, step 4): the window was too short. Once per round trip.
 */
export function rackDuplicateReported(c: Connection): void {
  if (c.rackHasDsackRound) return;
  c.rackHasDsackRound = true;
  c.rackDsackRound = c.next;
  c.rackWindowFactor++;
  c.rackWindowPersist = 16;
}

/** After each acknowledgement: the round of a duplicate ends. */
export function rackEndRound(c: Connection): void {
  if (c.rackHasDsackRound && !isBefore(c.unacknowledged, c.rackDsackRound)) {
    c.rackHasDsackRound = false;
  }
}

/**
 * RFC 6582 3.2: without SACK, three duplicate acknowledgements mean a lost segment, and so does a
 * partial acknowledgement during recovery.
 */
export function renoDetectLoss(c: Connection, isPartial: boolean): void {
  const isThird = c.phase === 'open' && c.duplicateAcks >= 3;
  if (!isThird && !(isPartial && c.phase === 'recovery')) return;
  c.sent.splitAt((c.unacknowledged + c.segmentSize) | 0);
  if (c.sent.count > 0) c.sent.markLost(0);
  c.mustResend = true;
}

/**
 * Something is lost for the first time in this window (RFC 6675 5, RFC 5681 3.2).
 *
 * @param delivered bytes that the acknowledgement has reported which shows it
 */
export function enterRecovery(c: Connection, delivered: number): void {
  reduceWindow(c, 0, delivered);
  c.phase = 'recovery';
  c.recoveryPoint = c.next;
  c.mustResend = true;
  c.rackWindowPersist--;
  if (c.rackWindowPersist <= 0) {
    c.rackWindowFactor = 1;
    c.rackWindowPersist = 16;
  }
}

/**
 * RFC 5681 3.1, "FlightSize". What was sent beside the window because segments came out of order
 * does not count (RFC 5681 3.2, step 2).
 *
 * @param acknowledged bytes that were still on the way before the present acknowledgement
 */
export function flightSize(c: Connection, acknowledged: number): number {
  return Math.min(distance(c.next, c.unacknowledged) + acknowledged, c.congestion.window);
}

/**
 * RFC 9937 6.1: begins to approach the threshold.
 *
 * @param acknowledged bytes that the acknowledgement which shows the congestion has acknowledged
 * @param delivered bytes that it has reported in any way
 */
export function reduceWindow(c: Connection, acknowledged: number, delivered: number): void {
  const { sent } = c;
  c.congestion.onCongestion(flightSize(c, acknowledged));
  // What was reported before does not count as delivered during the recovery.
  const before = Math.max(0, sent.sacked - delivered);
  c.prrFlight = Math.max(distance(c.next, c.unacknowledged) - before, 1);
  c.prrDelivered = 0;
  c.prrSent = 0;
}

/**
 * RFC 6937 3.1: for each acknowledged byte, a share of a byte may be sent.
 *
 * @param delivered bytes that this acknowledgement has reported
 * @param isSafe whether it moved SND.UNA and marked nothing as lost (RFC 9937 6.2)
 */
export function reduceProportionally(c: Connection, delivered: number, isSafe: boolean): void {
  const { congestion } = c;
  const pipe = pipeOf(c);
  c.prrDelivered += delivered;
  let count: number;
  if (pipe > congestion.threshold) {
    count = Math.ceil((c.prrDelivered * congestion.threshold) / c.prrFlight) - c.prrSent;
  } else {
    let most = Math.max(c.prrDelivered - c.prrSent, delivered);
    if (isSafe) most += c.segmentSize;
    count = Math.min(congestion.threshold - pipe, most);
  }
  congestion.window = pipe + Math.max(0, count);
}

/** All that was sent when the loss was noticed is acknowledged (RFC 5681 3.2, step 6). */
export function leaveRecovery(c: Connection): void {
  if (c.phase === 'recovery') {
    c.congestion.window = Math.max(c.segmentSize, Math.min(c.congestion.threshold, MOST_WINDOW));
  }
  c.phase = 'open';
  c.duplicateAcks = 0;
  c.mustResend = false;
}

/** RFC 8985 6.2, step 4. */
function reorderingWindow(c: Connection): number {
  if (!c.rackSawReordering) {
    if (c.phase !== 'open' || c.sent.sacked >= 3 * c.segmentSize) return 0;
  }
  const least = c.rto.least === Infinity ? 0 : c.rto.least;
  return Math.min((c.rackWindowFactor * least) / 4, c.rto.smoothed);
}

const MOST_WINDOW = 2 ** 30;
