/**
 * Whether a timeout was too early: the segments were only late, and nothing was lost. Then the
 * window is as before, and what is on the way is not sent again (RFC 4015 3.2).
 *
 * With timestamps, the first acknowledgement shows it (Eifel, RFC 3522). Without them, F-RTO sends
 * new data after the first segment, and waits for what is acknowledged next (RFC 5682):
 *
 * ```
 *  timeout: the first segment again    `frto` is 'resent'      step 1
 *  it is acknowledged: new data        `frto` is 'new-data'    step 2b
 *  then something older than the new data: the timeout was too early, step 3b
 *  a duplicate, or only the new data: something was lost, step 3a
 * ```
 *
 * @module
 */
import { isAfter, isBefore } from '../wire/sequence.ts';
import type { TcpHeader } from '../wire/tcp-header.ts';
import type { Connection } from './connection.ts';

/**
 * The timer has fired, and everything is marked as lost. The congestion window is not reduced yet.
 *
 * @param stamp the timestamp of the segment that is sent again
 * @param isFirst whether something was acknowledged since the timer fired before
 */
export function beginEarlyTimeout(c: Connection, stamp: number, isFirst: boolean): void {
  const { sending } = c;
  sending.frto = 'none';
  if (!isFirst) {
    // RFC 5682 3.1 step 1: F-RTO is not for a timeout during a recovery. Eifel goes on.
    if (!c.usesTimestamps) sending.windowBefore = 0;
    return;
  }
  const mayUndo = c.usesTimestamps || sending.phase === 'open';
  sending.windowBefore = mayUndo ? sending.congestion.window : 0;
  sending.thresholdBefore = sending.congestion.threshold;
  sending.timeoutStamp = stamp;
  if (mayUndo && !c.usesTimestamps) sending.frto = 'resent';
}

/**
 * The Eifel algorithm (RFC 3522): the first acknowledgement after a timeout shows by its timestamp
 * whether it answers the original, which was only late. Returns whether the timeout is undone.
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
 * An acknowledgement has come, and the scoreboard knows it. Steps 2 and 3 of RFC 5682 3.1; without
 * SACK, of 2.1.
 *
 * @param reported bytes that it acknowledges in any way and no other did; 0: none
 * @param isNew whether it moved SND.UNA
 */
export function followFrto(
  c: Connection,
  reported: number,
  isNew: boolean,
  isDuplicate: boolean,
): void {
  const { sending } = c;
  if (sending.frto === 'resent') return followFirst(c, isNew, isDuplicate);
  // New data may be lost with what is before it. Without SACK it cannot be reported alone.
  const hasNewData = c.usesSack && isAfter(sending.rackForward, sending.recoveryPoint);
  if (reported > 0 && !hasNewData) return undo(c);
  if (!isDuplicate && !hasNewData) return undefined;
  endFrto(c);
  // Step 3a: two round trips have passed, in which slow start would have come this far.
  sending.congestion.window = 3 * c.segmentSize;
  return undefined;
}

/** F-RTO is over: what is lost is sent again, in slow start. */
export function endFrto({ sending }: Connection): void {
  sending.frto = 'none';
  sending.windowBefore = 0;
}

/** Step 2. With SACK, duplicates are no sign yet. */
function followFirst(c: Connection, isNew: boolean, isDuplicate: boolean): void {
  const { sending } = c;
  if (!isNew) {
    if (isDuplicate && !c.usesSack) endFrto(c);
    return;
  }
  // Step 2a: nothing older is left that could be acknowledged, or the segment itself is not.
  const isWhole = !isBefore(c.unacknowledged, sending.recoveryPoint);
  if (isWhole || sending.sent.resent > 0) return endFrto(c);
  sending.frto = 'new-data';
  sending.mustResend = false;
  // Step 2b: two new segments.
  sending.congestion.window = 2 * c.segmentSize;
}

function undo(c: Connection): void {
  const { congestion, sent } = c.sending;
  congestion.window = c.sending.windowBefore;
  congestion.threshold = c.sending.thresholdBefore;
  endFrto(c);
  sent.forgetLosses();
  c.sending.phase = 'open';
  c.sending.mustResend = false;
  c.sending.duplicateAcks = 0;
  // The answer to a late segment was taken for that to its second transmission. By this measure,
  // everything that is on the way would be lost (RFC 8985 6.2, step 2).
  c.sending.rackSentAt = -Infinity;
}
