/**
 * An acknowledgement arrives (RFC 9293 3.10.7.4, "fifth, check the ACK field").
 *
 * 1. It must acknowledge something that was sent (RFC 5961 5).
 * 2. The scoreboard records which data was delivered (RFC 2018, RFC 6675), and RACK records when
 *    that data was sent.
 * 3. The round trip is measured (RFC 6298 4, RFC 7323 4).
 * 4. The window of the other side moves.
 * 5. Lost segments are found, and the congestion window is adapted.
 *
 * @module
 */
import type { StackState } from '../stack-state.ts';
import { distance, isAfter, isBefore, later } from '../wire/sequence.ts';
import { TCP_FLAG, type TcpHeader } from '../wire/tcp-header.ts';
import { challenge } from './challenge.ts';
import type { Connection } from './connection.ts';
import { followFrto, undoByTimestamp } from './early-timeout.ts';
import { followProbe, hasLoss } from './path-probe.ts';
import {
  enterRecovery,
  leaveRecovery,
  rackDelivered,
  rackDetectLoss,
  rackDuplicateReported,
  rackEndRound,
  reduceProportionally,
  reduceWindow,
  renoDetectLoss,
} from './recovery.ts';
import { SENT } from './sent-segments.ts';
import { SlowStart } from './slow-start.ts';
import { armRetransmit } from './timers.ts';
import { timestampOf } from './timestamp.ts';
import { tuneSendBuffer } from './window-tuning.ts';

/**
 * Processes the acknowledgement of a segment in a synchronized state.
 *
 * @returns false if the segment must be dropped
 */
export function receiveAck(state: StackState, c: Connection, segment: TcpHeader): boolean {
  const { acknowledgement } = segment;
  if (isAfter(acknowledgement, c.next)) return challenge(state, c);
  // RFC 5961 5.2: this acknowledgement is too old, even for a delayed segment.
  if (isBefore(acknowledgement, (c.unacknowledged - c.largestWindow) | 0)) {
    return challenge(state, c);
  }
  const isOld = isBefore(acknowledgement, c.unacknowledged);
  if (!c.hasSent) {
    if (!isOld) updateWindow(c, segment);
    return true;
  }
  const isNew = !isOld && acknowledgement !== c.unacknowledged;
  const isUndone = isNew && undoByTimestamp(c, segment);
  const before = c.sending.sent.pipe;
  const sackedBefore = c.sending.sent.sacked;
  const lostBefore = c.sending.sent.lost;
  const hasDuplicate = c.usesSack && readSacks(state, c, segment);
  const newlySacked = c.sending.sent.sacked - sackedBefore;
  const acknowledged = isOld ? 0 : distance(acknowledgement, c.unacknowledged);
  const sackedThen = acknowledged > 0 ? acknowledge(state, c, segment) : 0;
  // After an undone timeout, it is not known which transmission this acknowledgement answers. So
  // RACK gets no time from it.
  if (isUndone) c.sending.rackSentAt = -Infinity;
  const isUpdate = !isOld && updateWindow(c, segment);
  if (c.usesEcn && segment.has(TCP_FLAG.ECE)) receiveEcho(c, acknowledged);
  const isDuplicate = countDuplicate(c, segment, acknowledged, isUpdate);
  endTailProbe(c, segment, hasDuplicate, acknowledged);
  if (hasDuplicate) rackDuplicateReported(c);
  rackEndRound(c);
  if (isOld && newlySacked === 0) return true;
  // Without SACK, a duplicate acknowledgement says that some segment has arrived (RFC 9937,
  // "DeliveredData").
  const unnamed = isDuplicate && !c.usesSack ? c.segmentSize : 0;
  const delivered = acknowledged - sackedThen + newlySacked + unnamed;
  if (c.sending.frto !== 'none') followFrto(c, acknowledged + newlySacked, isNew, isDuplicate);
  recover(state, c, { acknowledged, delivered, before, lostBefore });
  return true;
}

interface Progress {
  /** Bytes by which SND.UNA moved. */
  readonly acknowledged: number;
  /** Bytes that this acknowledgement is the first to report as delivered. */
  readonly delivered: number;
  /** Bytes that were on the way before the acknowledgement came. */
  readonly before: number;
  /** Bytes that were thought to be lost before the acknowledgement came. */
  readonly lostBefore: number;
}

/** Takes the SACK blocks. Returns whether the first one reports a duplicate (RFC 2883 4). */
function readSacks(state: StackState, c: Connection, segment: TcpHeader): boolean {
  const { sackEdges, sackCount, acknowledgement } = segment;
  const { sent } = c.sending;
  let hasDuplicate = false;
  for (let block = 0; block < sackCount; block++) {
    const [start, end] = [sackEdges[block * 2], sackEdges[block * 2 + 1]];
    if (!isBefore(start, end) || isAfter(end, c.next)) continue;
    if (block === 0 && isDuplicate(segment)) {
      hasDuplicate = true;
      continue;
    }
    const base = later(acknowledgement, c.unacknowledged);
    if (!isAfter(end, base) || isBefore(start, c.unacknowledged)) continue;
    if (sent.count === 0) continue;
    const first = sent.splitAt(start);
    sent.splitAt(end);
    for (let i = first; i < sent.count && isBefore(sent.start(i), end); i++) {
      if (sent.has(i, SENT.SACKED)) continue;
      rackDelivered(state, c, i);
      sample(state, c, i);
      sent.markSacked(i);
    }
  }
  return hasDuplicate;
}

/** RFC 2883 4: whether the first block is below the acknowledgement, or within the second block. */
function isDuplicate({ sackEdges, sackCount, acknowledgement }: TcpHeader): boolean {
  const [start, end] = sackEdges;
  if (isBefore(start, acknowledgement)) return true;
  if (sackCount < 2) return false;
  return !isBefore(start, sackEdges[2]) && !isAfter(end, sackEdges[3]);
}

/** Moves SND.UNA. Returns how many of the acknowledged bytes were already known to be delivered. */
function acknowledge(state: StackState, c: Connection, segment: TcpHeader): number {
  const { acknowledgement } = segment;
  const { sent } = c.sending;
  sent.splitAt(acknowledgement);
  let known = 0;
  let newest = -1;
  for (let i = 0; i < sent.count && isBefore(sent.start(i), acknowledgement); i++) {
    if (sent.has(i, SENT.SACKED)) {
      known += sent.length(i);
      continue;
    }
    rackDelivered(state, c, i);
    newest = i;
  }
  measure(state, c, segment, newest);
  sent.removeUntil(acknowledgement);
  const data = Math.min(distance(acknowledgement, c.dataStart), c.sendBuffer.length);
  if (data > 0) {
    c.sendBuffer.release(data);
    c.dataStart = (c.dataStart + data) | 0;
    c.user?.changed();
  }
  c.unacknowledged = acknowledgement;
  c.sending.retries = 0;
  c.sending.rto.backoff = 0;
  c.probes = 0;
  c.sending.softError = undefined;
  return known;
}

/** RFC 6298 3: a segment that was sent twice gives no round trip, unless it has timestamps. */
function measure(state: StackState, c: Connection, segment: TcpHeader, newest: number): void {
  if (newest === -1) return;
  if (!c.sending.sent.has(newest, SENT.EVER_RESENT)) return sample(state, c, newest);
  if (!c.usesTimestamps || !segment.hasTimestamps || segment.timestampEcho === 0) return;
  const elapsed = (timestampOf(c, state.now) - segment.timestampEcho) | 0;
  if (elapsed >= 0 && elapsed < MOST_ROUND_TRIP_MS)
    c.sending.rto.sample(Math.max(1, elapsed), state.now);
}

function sample(state: StackState, c: Connection, index: number): void {
  if (c.sending.sent.has(index, SENT.EVER_RESENT)) return;
  const roundTrip = state.now - c.sending.sent.sentAt(index);
  c.sending.rto.sample(roundTrip, state.now);
  if (!c.sending.hasLeftSlowStart) slowStartOf(c).sample(roundTrip);
}

/**
 * Takes the window of a segment that is not older than the last one (RFC 9293 3.10.7.4). Returns
 * whether the window changed.
 */
function updateWindow(c: Connection, segment: TcpHeader): boolean {
  const { sequence, acknowledgement } = segment;
  const isNewer =
    isBefore(c.windowSequence, sequence) ||
    (c.windowSequence === sequence && !isAfter(c.windowAcknowledgement, acknowledgement));
  if (!isNewer) return false;
  const window = segment.window << c.sendScale;
  const isChanged = window !== c.sendWindow;
  c.sendWindow = window;
  c.largestWindow = Math.max(c.largestWindow, window);
  c.windowSequence = sequence;
  c.windowAcknowledgement = acknowledgement;
  if (c.hasSent && c.sending.retransmitKind === 'window-probe') {
    // The other side has answered. If its window is open, the waiting data is sent now.
    c.probes = 0;
    if (window > 0 && isChanged) {
      c.sending.retransmitAt = Infinity;
      c.sending.retransmitKind = 'timeout';
      c.sending.rto.backoff = 0;
    }
  }
  return isChanged;
}

/** RFC 3168 6.1.2: a congestion mark counts as a loss, at most once per window. */
function receiveEcho(c: Connection, acknowledged: number): void {
  if (c.sending.phase !== 'open' || !isAfter(c.unacknowledged, c.sending.reducedAt)) return;
  c.sending.reducedAt = c.next;
  reduceWindow(c, acknowledged, acknowledged);
  c.sending.congestion.window = Math.min(
    c.sending.congestion.window,
    c.sending.congestion.threshold,
  );
  c.sending.reportsReduction = true;
}

/**
 * Counts duplicate acknowledgements. Returns whether a segment is one, by the five conditions of
 * RFC 5681 2.
 */
function countDuplicate(
  c: Connection,
  segment: TcpHeader,
  acknowledged: number,
  isUpdate: boolean,
): boolean {
  if (acknowledged > 0) {
    // RFC 6582 3.2, step 3: segments that a partial acknowledgement covers have left the network.
    c.sending.duplicateAcks =
      c.sending.phase === 'recovery' && !c.usesSack ? c.sending.duplicateAcks : 0;
    if (c.sending.duplicateAcks > 0) {
      const segments = Math.floor(acknowledged / c.segmentSize);
      c.sending.duplicateAcks = Math.max(0, c.sending.duplicateAcks - Math.max(0, segments - 1));
    }
    return false;
  }
  const isDuplicate =
    c.sending.sent.count > 0 &&
    segment.sequenceLength === 0 &&
    segment.acknowledgement === c.unacknowledged &&
    !isUpdate;
  if (isDuplicate) c.sending.duplicateAcks++;
  return isDuplicate;
}

/**
 * RFC 8985 7.4: ends a tail loss probe. If the probe has repaired a loss, that loss counts as
 * congestion.
 */
function endTailProbe(
  c: Connection,
  { acknowledgement }: TcpHeader,
  hasDuplicate: boolean,
  acknowledged: number,
): void {
  if (c.sending.tailProbe === 'none' || isBefore(acknowledgement, c.sending.tailProbeEnd)) return;
  const isRepaired =
    c.sending.tailProbe === 'resent' &&
    !hasDuplicate &&
    isAfter(acknowledgement, c.sending.tailProbeEnd);
  const isOver =
    c.sending.tailProbe === 'new-data' || hasDuplicate || isRepaired || acknowledged === 0;
  if (isRepaired && c.sending.phase === 'open') {
    reduceWindow(c, acknowledged, acknowledged);
    c.sending.congestion.window = Math.min(
      c.sending.congestion.window,
      c.sending.congestion.threshold,
    );
  }
  if (isOver) c.sending.tailProbe = 'none';
}

function recover(state: StackState, c: Connection, progress: Progress): void {
  const { acknowledged, delivered, before, lostBefore } = progress;
  const { congestion } = c.sending;
  const isRecovered =
    c.sending.phase !== 'open' && !isBefore(c.unacknowledged, c.sending.recoveryPoint);
  const wasReduced = isRecovered && c.sending.phase === 'recovery';
  if (isRecovered) leaveRecovery(c);
  if (c.usesSack) rackDetectLoss(state, c);
  else renoDetectLoss(c, acknowledged > 0);
  followProbe(state, c);
  const isLoss = c.sending.phase === 'open' && hasLoss(c);
  if (isLoss) enterRecovery(c, delivered);
  if (c.sending.phase === 'recovery') {
    const isSafe = acknowledged > 0 && c.sending.sent.lost <= lostBefore;
    reduceProportionally(c, delivered, isSafe);
  } else if (acknowledged > 0 && !wasReduced && c.sending.frto === 'none' && isUsed(c, before)) {
    // After a timeout this is slow start (RFC 5681 3.1, which RFC 9293 3.8.2 demands).
    congestion.onAcknowledged(growthOf(c, acknowledged), state.now, c.sending.rto.smoothed);
    tuneSendBuffer(state, c);
  }
  if (acknowledged > 0) c.sending.isLimited = false;
  // After a report of data out of order, the tail is not probed any more (RFC 8985 7.2).
  const isProbe = delivered > 0 && c.sending.retransmitKind === 'tail-probe';
  if (acknowledged > 0 || isProbe || isLoss) armRetransmit(state, c);
}

/**
 * Returns by how many bytes the window may grow in slow start. Only the first slow start uses
 * `SlowStart`.
 */
function growthOf(c: Connection, acknowledged: number): number {
  const { congestion } = c.sending;
  if (c.sending.hasLeftSlowStart) return acknowledged;
  if (congestion.threshold === Infinity) {
    return slowStartOf(c).growth(congestion, acknowledged, c.unacknowledged, c.next);
  }
  c.sending.slowStart = undefined;
  c.sending.hasLeftSlowStart = true;
  return acknowledged;
}

/** Made on first use, because connections that never send do not need it. */
function slowStartOf(c: Connection): SlowStart {
  return (c.sending.slowStart ??= new SlowStart());
}

/**
 * Whether the window was used. RFC 7661 and RFC 9438 5.8: an unused window says nothing about the
 * path. In slow start, a window counts as used if half of it was on the way, because a sender that
 * sends in batches fills the window late.
 */
function isUsed(c: Connection, before: number): boolean {
  if (c.sending.isLimited || c.sending.phase === 'loss') return true;
  const { window, threshold } = c.sending.congestion;
  return window < threshold ? before * 2 >= window : before + c.segmentSize * 2 >= window;
}

/**
 * A longer round trip is not believed: the timestamp that the other side has echoed must be wrong.
 */
const MOST_ROUND_TRIP_MS = 120_000;
