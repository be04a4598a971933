/**
 * A probe of the path (RFC 4821 7): one segment that is longer than the others, while the MTU of
 * the path is searched after a black hole. `PathMtuTable` says how long.
 *
 * A probe carries data. If it is lost, the data is sent again in usual segments, and the loss of a
 * probe alone is no sign of congestion.
 *
 * @module
 */
import type { StackState } from '../stack-state.ts';
import { ipHeaderLength } from '../wire/ip-header.ts';
import { distance, isBefore } from '../wire/sequence.ts';
import { TCP_HEADER_LENGTH, TIMESTAMPS_LENGTH } from '../wire/tcp-header.ts';
import type { Connection } from './connection.ts';
import { pipeOf } from './recovery.ts';
import { sackLength } from './segment-writer.ts';
import { SENT } from './sent-segments.ts';

/**
 * Returns the bytes of data of a probe that can be sent now; 0: none is due.
 *
 * RFC 4821 7.4: nothing is being recovered, and enough data follows to show that only the probe is
 * lost.
 *
 * @param available bytes that wait to be sent
 */
export function probeData(c: Connection, available: number): number {
  if (c.probeLength === 0 || !c.hasSent || !isQuiet(c)) return 0;
  const headers = ipHeaderLength(c.remote.version) + TCP_HEADER_LENGTH;
  const options = (c.usesTimestamps ? TIMESTAMPS_LENGTH : 0) + sackLength(c);
  const length = c.probeLength - headers - options;
  const needed = length + FOLLOWING_SEGMENTS * c.segmentSize;
  const usable = c.sendWindow - distance(c.next, c.unacknowledged);
  const { window } = c.sending.congestion;
  if (length <= c.segmentSize || needed > Math.min(available, usable, window)) return 0;
  return length <= window - pipeOf(c) ? length : 0;
}

/** A probe with these sequence numbers is sent. */
export function beginProbe(c: Connection, start: number, length: number): void {
  const { sending } = c;
  sending.probe = 'sent';
  sending.probeStart = start;
  sending.probeEnd = (start + length) | 0;
  sending.probeLength = c.probeLength;
}

/** The scoreboard has changed: what has become of the probe? */
export function followProbe(state: StackState, c: Connection): void {
  const { sending } = c;
  if (sending.probe === 'none') return;
  const isOver = !isBefore(c.unacknowledged, sending.probeEnd);
  if (sending.probe === 'lost') {
    if (isOver) sending.probe = 'none';
    return;
  }
  const { sent, probeStart, probeEnd, probeLength } = sending;
  const index = isOver ? 0 : sent.find(probeStart);
  const isWhole = isOver || sent.end(index) === probeEnd;
  if (isOver || (isWhole && sent.has(index, SENT.SACKED))) {
    sending.probe = 'none';
    state.pathMtus.passed(c.remote, probeLength, state.now);
  } else if (sent.has(index, SENT.LOST)) {
    // RFC 4821 7.6.4: if something else is lost, too, the reason may be another one.
    const isAlone = isWhole && sent.lost - sent.resent <= sent.length(index);
    sending.probe = isAlone ? 'lost' : 'none';
    if (isAlone) state.pathMtus.failed(c.remote, probeLength, state.now);
  }
}

/** The timer has fired while a probe was on the way (RFC 4821 7.6.3). */
export function failProbe(state: StackState, c: Connection): void {
  const { sending } = c;
  if (sending.probe === 'sent') state.pathMtus.failed(c.remote, sending.probeLength, state.now);
  sending.probe = 'none';
}

/** Whether something is lost and not on the way again, beside a probe (RFC 4821 7.6.2). */
export function hasLoss({ sending }: Connection): boolean {
  const { sent } = sending;
  const missing = sent.lost - sent.resent;
  if (missing === 0 || sending.probe !== 'lost') return missing > 0;
  let ofProbe = 0;
  const first = sent.find(sending.probeStart);
  for (let i = first; i < sent.count && isBefore(sent.start(i), sending.probeEnd); i++) {
    if (sent.has(i, SENT.LOST) && !sent.has(i, SENT.EVER_RESENT)) ofProbe += sent.length(i);
  }
  return missing > ofProbe;
}

/** RFC 4821 7.4: a probe must not disturb a recovery, or another probe. */
function isQuiet({ sending }: Connection): boolean {
  const { sent, probe, tailProbe } = sending;
  return probe === 'none' && tailProbe === 'none' && sent.lost === 0 && sent.sacked === 0;
}

/** As many as RACK and SACK need to find the loss of the one before (RFC 6675, DupThresh). */
const FOLLOWING_SEGMENTS = 3;
