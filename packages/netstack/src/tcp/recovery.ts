/**
 * Finds lost segments, and reduces the window: RACK (RFC 8985 6), NewReno without SACK (RFC 6582),
 * and proportional rate reduction (RFC 9937).
 *
 * @module
 */
import type { StackState } from '../stack-state.ts';
import { distance, isAfter, isBefore } from '../wire/sequence.ts';
import type { Connection } from './connection.ts';
import { SENT } from './sent-segments.ts';

/**
 * Returns how many bytes are on the way (RFC 6675 4). Without SACK, each duplicate acknowledgement
 * says that one segment has left the network.
 */
export function pipeOf(c: Connection): number {
  if (c.usesSack) return c.sending.sent.pipe;
  return Math.max(0, c.sending.sent.pipe - c.sending.duplicateAcks * c.segmentSize);
}

/** Takes the times of an entry that was delivered (RFC 8985 6.2, step 2). */
export function rackDelivered(state: StackState, c: Connection, index: number): void {
  const { sent } = c.sending;
  const sentAt = sent.sentAt(index);
  const end = sent.end(index);
  const roundTrip = state.now - sentAt;
  // An answer that came sooner than the shortest round trip belongs to the first transmission.
  if (sent.has(index, SENT.EVER_RESENT) && roundTrip < c.sending.rto.least) return;
  if (!sent.has(index, SENT.EVER_RESENT) && isBefore(end, c.sending.rackForward))
    c.sending.rackSawReordering = true;
  if (isAfter(end, c.sending.rackForward)) c.sending.rackForward = end;
  if (
    sentAt < c.sending.rackSentAt ||
    (sentAt === c.sending.rackSentAt && !isAfter(end, c.sending.rackEnd))
  )
    return;
  c.sending.rackSentAt = sentAt;
  c.sending.rackEnd = end;
  c.sending.rackRoundTrip = roundTrip;
}

/**
 * RFC 8985 6.2, step 5: marks entries that are so late that they count as lost. Sets the timer for
 * entries that may be lost.
 */
export function rackDetectLoss(state: StackState, c: Connection): void {
  const { sent } = c.sending;
  c.sending.reorderAt = Infinity;
  if (sent.count === 0 || c.sending.rackSentAt === -Infinity) return;
  const window = reorderingWindow(c);
  for (let i = 0; i < sent.count; i++) {
    if (sent.has(i, SENT.SACKED)) continue;
    if (sent.has(i, SENT.LOST) && !sent.has(i, SENT.RESENT)) continue;
    const sentAt = sent.sentAt(i);
    const isOlder =
      sentAt < c.sending.rackSentAt ||
      (sentAt === c.sending.rackSentAt && isBefore(sent.end(i), c.sending.rackEnd));
    if (!isOlder) continue;
    const lostAt = sentAt + c.sending.rackRoundTrip + window;
    if (lostAt <= state.now) sent.markLost(i);
    else c.sending.reorderAt = Math.min(c.sending.reorderAt, lostAt);
  }
}

/**
 * Lets the reordering window grow, at most once per round trip (RFC 8985 6.2, step 4). Must be
 * called when a duplicate was reported, because the reordering window was too short then.
 */
export function rackDuplicateReported(c: Connection): void {
  if (c.sending.rackHasDsackRound) return;
  c.sending.rackHasDsackRound = true;
  c.sending.rackDsackRound = c.next;
  c.sending.rackWindowFactor++;
  c.sending.rackWindowPersist = 16;
}

/**
 * Must be called after each acknowledgement. Ends the round trip in which a duplicate was reported,
 * when all that was sent before the report is acknowledged.
 */
export function rackEndRound(c: Connection): void {
  if (c.sending.rackHasDsackRound && !isBefore(c.unacknowledged, c.sending.rackDsackRound)) {
    c.sending.rackHasDsackRound = false;
  }
}

/**
 * RFC 6582 3.2: without SACK, three duplicate acknowledgements mean a lost segment, and so does a
 * partial acknowledgement during recovery.
 */
export function renoDetectLoss(c: Connection, isPartial: boolean): void {
  const isThird = c.sending.phase === 'open' && c.sending.duplicateAcks >= 3;
  if (!isThird && !(isPartial && c.sending.phase === 'recovery')) return;
  c.sending.sent.splitAt((c.unacknowledged + c.segmentSize) | 0);
  if (c.sending.sent.count > 0) c.sending.sent.markLost(0);
  c.sending.mustResend = true;
}

/**
 * Begins a recovery, because something is lost for the first time in this window (RFC 6675 5, RFC
 * 5681 3.2).
 *
 * @param delivered bytes that were reported by the acknowledgement that shows the loss
 */
export function enterRecovery(c: Connection, delivered: number): void {
  reduceWindow(c, 0, delivered);
  c.sending.phase = 'recovery';
  c.sending.recoveryPoint = c.next;
  c.sending.mustResend = true;
  c.sending.rackWindowPersist--;
  if (c.sending.rackWindowPersist <= 0) {
    c.sending.rackWindowFactor = 1;
    c.sending.rackWindowPersist = 16;
  }
}

/**
 * Returns how many bytes were sent and not acknowledged (RFC 5681 3.1, "FlightSize"). Data that was
 * sent in addition to the window, because segments came out of order, does not count (RFC 5681 3.2,
 * step 2).
 *
 * @param acknowledged bytes that the present acknowledgement has taken out of the flight
 */
export function flightSize(c: Connection, acknowledged: number): number {
  return Math.min(distance(c.next, c.unacknowledged) + acknowledged, c.sending.congestion.window);
}

/**
 * Sets the threshold because of congestion, and begins to reduce the window to it (RFC 9937 6.1).
 *
 * @param acknowledged bytes that were acknowledged by the acknowledgement that shows the congestion
 * @param delivered bytes that this acknowledgement has reported in any way
 */
export function reduceWindow(c: Connection, acknowledged: number, delivered: number): void {
  const { sent } = c.sending;
  c.sending.congestion.onCongestion(flightSize(c, acknowledged));
  // Bytes that were reported before the recovery do not count as delivered during it.
  const before = Math.max(0, sent.sacked - delivered);
  c.sending.prrFlight = Math.max(distance(c.next, c.unacknowledged) - before, 1);
  c.sending.prrDelivered = 0;
  c.sending.prrSent = 0;
}

/**
 * RFC 9937 6.2: for each acknowledged byte, a share of a byte may be sent.
 *
 * @param delivered bytes that this acknowledgement has reported
 * @param isSafe whether this acknowledgement moved SND.UNA and marked nothing as lost ("SafeACK")
 */
export function reduceProportionally(c: Connection, delivered: number, isSafe: boolean): void {
  const { congestion } = c.sending;
  const pipe = pipeOf(c);
  c.sending.prrDelivered += delivered;
  let count: number;
  if (pipe > congestion.threshold) {
    count =
      Math.ceil((c.sending.prrDelivered * congestion.threshold) / c.sending.prrFlight) -
      c.sending.prrSent;
  } else {
    let most = Math.max(c.sending.prrDelivered - c.sending.prrSent, delivered);
    if (isSafe) most += c.segmentSize;
    count = Math.min(congestion.threshold - pipe, most);
  }
  congestion.window = pipe + Math.max(0, count);
}

/**
 * Ends a recovery, because all data that was sent before the recovery is acknowledged (RFC 5681
 * 3.2, step 6).
 */
export function leaveRecovery(c: Connection): void {
  if (c.sending.phase === 'recovery') {
    c.sending.congestion.window = Math.max(
      c.segmentSize,
      Math.min(c.sending.congestion.threshold, MOST_WINDOW),
    );
  }
  c.sending.phase = 'open';
  c.sending.duplicateAcks = 0;
  c.sending.mustResend = false;
}

/** Returns how many ms late a segment may be before it counts as lost (RFC 8985 6.2, step 4). */
function reorderingWindow(c: Connection): number {
  if (!c.sending.rackSawReordering) {
    if (c.sending.phase !== 'open' || c.sending.sent.sacked >= 3 * c.segmentSize) return 0;
  }
  const least = c.sending.rto.least === Infinity ? 0 : c.sending.rto.least;
  return Math.min((c.sending.rackWindowFactor * least) / 4, c.sending.rto.smoothed);
}

const MOST_WINDOW = 2 ** 30;
