/**
 * A probe of the path (RFC 4821 7): one segment that is longer than the others, while the MTU of
 * the path is searched after a black hole. `PathMtuTable` says how long the probe is.
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
 * Returns how many bytes of data a probe must carry if it is sent now; 0: no probe can be sent now.
 *
 * RFC 4821 7.4 permits a probe only if nothing is being recovered, and if enough data follows. If
 * that data arrives and the probe does not, the probe is lost.
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

/** Must be called when a probe is sent: `length` bytes from the sequence number `start` on. */
export function beginProbe(c: Connection, start: number, length: number): void {
  const { sending } = c;
  sending.probe = 'sent';
  sending.probeStart = start;
  sending.probeEnd = (start + length) | 0;
  sending.probeLength = c.probeLength;
}

/**
 * Must be called when the scoreboard has changed. Finds out whether the probe arrived or is lost.
 */
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
    // RFC 4821 7.6.4: if something else is lost too, the length may not be the reason.
    const isAlone = isWhole && sent.lost - sent.resent <= sent.length(index);
    sending.probe = isAlone ? 'lost' : 'none';
    if (isAlone) state.pathMtus.failed(c.remote, probeLength, state.now);
  }
}

/** The retransmission timer has fired. A probe on the way counts as lost (RFC 4821 7.6.3). */
export function failProbe(state: StackState, c: Connection): void {
  const { sending } = c;
  if (sending.probe === 'sent') state.pathMtus.failed(c.remote, sending.probeLength, state.now);
  sending.probe = 'none';
}

/**
 * Whether something is lost and not on the way again, apart from a probe. The loss of a probe is no
 * sign of congestion (RFC 4821 7.6.2).
 */
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

/**
 * Whether no recovery and no other probe is in progress, which a probe would disturb (RFC 4821
 * 7.4).
 */
function isQuiet({ sending }: Connection): boolean {
  const { sent, probe, tailProbe } = sending;
  return probe === 'none' && tailProbe === 'none' && sent.lost === 0 && sent.sacked === 0;
}

/** How many segments after a lost one must arrive to show its loss (RFC 6675, DupThresh). */
const FOLLOWING_SEGMENTS = 3;
