/**
 * Finds out whether a retransmission timeout was too early: the segments were only late, and
 * nothing was lost. If so, the congestion window gets its old value, and data on the way is not
 * sent again (RFC 4015 3.2).
 *
 * If the connection uses timestamps, the first acknowledgement shows whether the timeout was too
 * early (Eifel, RFC 3522). If the connection uses no timestamps, F-RTO sends new data after the
 * first segment, and waits for what is acknowledged next (RFC 5682):
 *
 * ```
 *  timeout: the first segment is sent again    `frto` is 'resent'      step 1
 *  it is acknowledged: new data is sent        `frto` is 'new-data'    step 2b
 *  the next acknowledgement is for
 *    something older than the new data: the timeout was too early, step 3b
 *    nothing (a duplicate), or the new data alone: something was lost, step 3a
 * ```
 *
 * @module
 */
import { isAfter, isBefore } from '../wire/sequence.ts';
import type { TcpHeader } from '../wire/tcp-header.ts';
import type { Connection } from './connection.ts';

/**
 * Must be called when the timer has fired and everything is marked as lost, before the congestion
 * window is reduced.
 *
 * @param stamp the timestamp of the segment that is sent again
 * @param isFirst false: the timer fires again, and nothing was acknowledged since it fired last
 */
export function beginEarlyTimeout(c: Connection, stamp: number, isFirst: boolean): void {
  const { sending } = c;
  sending.frto = 'none';
  if (!isFirst) {
    // RFC 5682 3.1 step 1: F-RTO is not for a repeated timeout. Eifel keeps the values from before
    // the first timeout, and may still undo that timeout.
    if (!c.usesTimestamps) sending.windowBefore = 0;
    return;
  }
  // As in Linux (tcp_enter_loss), F-RTO is not for a timeout during a recovery either.
  const mayUndo = c.usesTimestamps || sending.phase === 'open';
  sending.windowBefore = mayUndo ? sending.congestion.window : 0;
  sending.thresholdBefore = sending.congestion.threshold;
  sending.timeoutStamp = stamp;
  if (mayUndo && !c.usesTimestamps) sending.frto = 'resent';
}

/**
 * The Eifel algorithm (RFC 3522): the first acknowledgement after a timeout shows by its timestamp
 * whether it answers the original segment, which was only late. Returns whether the timeout is
 * undone.
 */
export function undoByTimestamp(c: Connection, segment: TcpHeader): boolean {
  const { sending } = c;
  if (sending.windowBefore === 0 || !c.usesTimestamps) return false;
  const { hasTimestamps, timestampEcho } = segment;
  const isEarly = hasTimestamps && isBefore(timestampEcho, sending.timeoutStamp);
  if (isEarly && timestampEcho !== 0) {
    undo(c);
    return true;
  }
  sending.windowBefore = 0;
  return false;
}

/**
 * Must be called for an acknowledgement, after it was recorded in the scoreboard. These are the
 * steps 2 and 3 of RFC 5682: of section 3.1 if the connection uses SACK, and of section 2.1 if it
 * does not.
 *
 * @param reported bytes by which SND.UNA moved, and bytes that SACK reports for the first time
 * @param isNew whether SND.UNA moved
 * @param isDuplicate whether it is a duplicate acknowledgement (RFC 5681 2)
 */
export function followFrto(
  c: Connection,
  reported: number,
  isNew: boolean,
  isDuplicate: boolean,
): void {
  const { sending } = c;
  if (sending.frto === 'resent') return followFirst(c, isNew, isDuplicate);
  // Whether some of the new data has arrived. If so, the data that is missing before it was lost.
  // Without SACK, the other side cannot report the new data alone.
  const hasNewData = c.usesSack && isAfter(sending.rackForward, sending.recoveryPoint);
  if (reported > 0 && !hasNewData) return undo(c);
  if (!isDuplicate && !hasNewData) return undefined;
  endFrto(c);
  // Step 3a: three segments, as many as slow start would allow after the two round trips so far.
  sending.congestion.window = 3 * c.segmentSize;
  return undefined;
}

/** Ends F-RTO. What is marked as lost is then sent again, in slow start. */
export function endFrto({ sending }: Connection): void {
  sending.frto = 'none';
  sending.windowBefore = 0;
}

/** Step 2: the first acknowledgement after the timeout. With SACK, a duplicate says nothing yet. */
function followFirst(c: Connection, isNew: boolean, isDuplicate: boolean): void {
  const { sending } = c;
  if (!isNew) {
    if (isDuplicate && !c.usesSack) endFrto(c);
    return;
  }
  // Step 2a: everything is acknowledged, so step 3 would have nothing to wait for; or the segment
  // that was sent again is not acknowledged.
  const isWhole = !isBefore(c.unacknowledged, sending.recoveryPoint);
  if (isWhole || sending.sent.resent > 0) return endFrto(c);
  sending.frto = 'new-data';
  sending.mustResend = false;
  // Step 2b: two new segments may be sent.
  sending.congestion.window = 2 * c.segmentSize;
}

/** The timeout was too early: takes back what it has changed. */
function undo(c: Connection): void {
  const { congestion, sent } = c.sending;
  congestion.window = c.sending.windowBefore;
  congestion.threshold = c.sending.thresholdBefore;
  endFrto(c);
  sent.forgetLosses();
  c.sending.phase = 'open';
  c.sending.mustResend = false;
  c.sending.duplicateAcks = 0;
  // RACK has counted the acknowledgement of the late segment as the answer to its second
  // transmission. With the time of the second transmission, RACK would mark everything on the way
  // as lost (RFC 8985 6.2, step 2).
  c.sending.rackSentAt = -Infinity;
}
