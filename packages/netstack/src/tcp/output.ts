/**
 * Decides what a connection sends next. The device asks when it has space, so segments are not
 * queued. The order is:
 *
 * 1. a RST, which ends the connection, or a SYN
 * 2. lost data, as far as the congestion window allows
 * 3. new data and the FIN, as far as both windows, Nagle's algorithm and the rule against silly
 *    windows allow
 * 4. a probe of the window, or a keepalive probe
 * 5. an acknowledgement alone
 *
 * @module
 */
import type { PacketOffload } from '../packet-offload.ts';
import type { StackState } from '../stack-state.ts';
import { ipHeaderLength } from '../wire/ip-header.ts';
import { MAX_PACKET_LENGTH } from '../wire/protocol.ts';
import { distance, isAfter } from '../wire/sequence.ts';
import { TCP_FLAG, TCP_HEADER_LENGTH, TIMESTAMPS_LENGTH } from '../wire/tcp-header.ts';
import type { Connection } from './connection.ts';
import { endFrto } from './early-timeout.ts';
import { endConnection, updateSegmentSize } from './lifecycle.ts';
import { beginProbe, probeData } from './path-probe.ts';
import { pipeOf } from './recovery.ts';
import type { Sending } from './sending.ts';
import { sackLength, writeSegment, type SegmentToWrite } from './segment-writer.ts';
import { SENT } from './sent-segments.ts';
import { armForNewData, armRetransmit, armWindowProbe } from './timers.ts';

/**
 * Writes the next segment of a connection to `buffer` from `offset` on.
 *
 * @param space how many bytes may be written, at least the MTU
 * @param offload if it is given, the segment may be a super-packet, and its checksum is not
 *   computed
 * @returns the length of the packet; 0: there is nothing to send
 */
// oxlint-disable-next-line max-params -- an object would be allocated for each segment
export function nextSegment(
  state: StackState,
  c: Connection,
  buffer: Uint8Array,
  offset: number,
  space: number,
  offload: PacketOffload | undefined,
): number {
  segment.buffer = buffer;
  segment.offset = offset;
  segment.offload = offload;
  segment.length = 0;
  segment.isMarkable = segment.isProbe = false;
  if (c.needsReset) return sendReset(state, c);
  if (c.state === 'closed') return 0;
  // The MTU of the path may have grown again (RFC 8201 4), and the MTU of the link may have
  // changed.
  if (c.pathVersion !== state.pathMtus.versionAt(state.now)) updateSegmentSize(state, c);
  if (c.state === 'syn-sent' || c.state === 'syn-received') return sendSyn(state, c);
  const most = mostData(state, c, space, offload !== undefined);
  return (
    sendData(state, c, most) || sendProbe(state, c) || (c.needsAck ? sendPure(state, c, c.next) : 0)
  );
}

/**
 * Returns how many bytes of data one packet for the device may have: a number of whole segments.
 */
function mostData(
  { segmentLimit }: StackState,
  c: Connection,
  space: number,
  isSuper: boolean,
): number {
  const size = c.segmentSize - sackLength(c);
  if (!isSuper) return size;
  const headers =
    ipHeaderLength(c.remote.version) +
    TCP_HEADER_LENGTH +
    (c.usesTimestamps ? TIMESTAMPS_LENGTH : 0) +
    sackLength(c);
  const fits = Math.min(space, MAX_PACKET_LENGTH) - headers;
  return Math.max(1, Math.min(segmentLimit, Math.floor(fits / size))) * size;
}

function sendReset(state: StackState, c: Connection): number {
  segment.flags = TCP_FLAG.RST | TCP_FLAG.ACK;
  segment.sequence = c.next;
  const length = writeSegment(state, c, segment);
  c.needsReset = false;
  endConnection(state, c, c.error);
  return length;
}

/** Sends the SYN, also again after a loss. In SYN-RECEIVED the SYN also acknowledges. */
function sendSyn(state: StackState, c: Connection): number {
  const isFirst = c.sending.sent.count === 0;
  const isLost =
    !isFirst && c.sending.sent.has(0, SENT.LOST) && !c.sending.sent.has(0, SENT.RESENT);
  if (!isFirst && !isLost && !c.needsAck) return 0;
  const isAnswer = c.state === 'syn-received';
  segment.flags = TCP_FLAG.SYN | (isAnswer ? TCP_FLAG.ACK : 0);
  // RFC 3168 6.1.1: a SYN that asks for ECN has both flags, ECE and CWR. The answer to it has only
  // ECE. RFC 3168 6.1.1.1: a SYN that is sent again has neither flag.
  if (isAnswer && c.usesEcn) segment.flags |= TCP_FLAG.ECE;
  if (!isAnswer && c.options.ecn && isFirst) segment.flags |= TCP_FLAG.ECE | TCP_FLAG.CWR;
  segment.sequence = c.initialSequence;
  if (isFirst) c.sending.sent.append(c.initialSequence, 1, state.now);
  else c.sending.sent.markResent(0, state.now);
  c.next = (c.initialSequence + 1) | 0;
  const ecn = c.usesEcn;
  c.usesEcn = false;
  const length = writeSegment(state, c, segment);
  c.usesEcn = ecn;
  armRetransmit(state, c);
  return length;
}

function sendData(state: StackState, c: Connection, most: number): number {
  if (!c.hasSent || c.sending.frto === 'none') {
    return resend(state, c, most) || sendNew(state, c, most);
  }
  // RFC 5682 3.1: the first segment is sent again, and after it only new data.
  if (c.sending.mustResend) return resend(state, c, most);
  if (c.sending.frto === 'resent') return 0;
  const length = sendNew(state, c, most);
  if (length > 0 || c.next !== c.sending.recoveryPoint) return length;
  // Step 2b: if there is no new data, or no space for it, F-RTO cannot find anything out.
  endFrto(c);
  return resend(state, c, most);
}

/** Sends the first lost segment that is not on the way again (RFC 6675 5 (4), RFC 8985 6). */
function resend(state: StackState, c: Connection, most: number): number {
  if (!c.hasSent) return 0;
  const { sent } = c.sending;
  if (sent.lost === sent.resent) return 0;
  let index = 0;
  while (index < sent.count && !needsResend(c.sending, index)) index++;
  if (index === sent.count) return 0;
  const start = sent.start(index);
  const allowed = c.sending.mustResend ? c.segmentSize : c.sending.congestion.window - pipeOf(c);
  const length = Math.min(sent.length(index), most, wholeSegments(allowed, c));
  if (length <= 0) return limit(c);
  c.sending.mustResend = false;
  sent.splitAt((start + length) | 0);
  sent.markResent(index, state.now);
  const hasFin = c.finSent && ((start + length) | 0) === c.next && isAfter(c.next, c.dataEnd);
  segment.flags = TCP_FLAG.ACK | (hasFin ? TCP_FLAG.FIN : 0);
  segment.sequence = start;
  segment.length = length - (hasFin ? 1 : 0);
  const written = write(state, c);
  if (c.sending.retransmitAt === Infinity) armRetransmit(state, c);
  c.sending.prrSent += length;
  return written;
}

function needsResend({ sent }: Sending, index: number): boolean {
  return sent.has(index, SENT.LOST) && !sent.has(index, SENT.RESENT);
}

/**
 * Returns how many bytes may be sent in whole segments. If any byte is allowed, this is at least
 * one segment.
 */
function wholeSegments(allowed: number, c: Connection): number {
  if (allowed <= 0) return 0;
  return Math.max(c.segmentSize, Math.floor(allowed / c.segmentSize) * c.segmentSize);
}

function sendNew(state: StackState, c: Connection, most: number): number {
  const canSend =
    c.state === 'established' ||
    c.state === 'close-wait' ||
    ((c.state === 'fin-wait-1' || c.state === 'closing' || c.state === 'last-ack') && !c.finSent);
  if (!canSend) return 0;
  const { next, dataEnd } = c;
  if (c.hasSent && c.sending.sent.count === 0) restartAfterIdle(state, c);
  const available = distance(dataEnd, next);
  const length = available > 0 ? newLength(state, c, available, most) : 0;
  const isAll = length === available;
  const hasFin = c.finQueued && !c.finSent && isAll;
  if (length === 0 && !hasFin) return 0;
  segment.flags = TCP_FLAG.ACK | (hasFin ? TCP_FLAG.FIN : 0);
  // RFC 9293 3.9.1: the last segment of the program's data has the flag PSH.
  if (isAll && length > 0) segment.flags |= TCP_FLAG.PSH;
  segment.sequence = next;
  segment.length = length;
  segment.isMarkable = true;
  // RFC 3168 6.1.2: tells the other side that the window was reduced.
  const { sending } = c;
  if (sending.reportsReduction && length > 0) {
    segment.flags |= TCP_FLAG.CWR;
    c.sending.reportsReduction = false;
  }
  if (segment.isProbe) beginProbe(c, next, length);
  else if (length % Math.min(c.segmentSize, most) > 0) c.sending.smallEnd = (next + length) | 0;
  const total = length + (hasFin ? 1 : 0);
  c.sending.sent.append(next, total, state.now);
  c.next = (next + total) | 0;
  c.finSent ||= hasFin;
  c.sending.overridesSillyWindow = false;
  c.sending.prrSent += total;
  const written = write(state, c);
  armForNewData(state, c);
  return written;
}

/** Returns how many bytes of new data may be sent now. Sets `segment.isProbe`. */
function newLength(state: StackState, c: Connection, available: number, most: number): number {
  const probe = probeData(c, available);
  segment.isProbe = probe > 0;
  return probe || dataLength(state, c, available, most);
}

/** As `newLength`, if no probe of the path is sent. */
function dataLength(state: StackState, c: Connection, available: number, most: number): number {
  const outstanding = distance(c.next, c.unacknowledged);
  const usable = c.sendWindow - outstanding;
  const allowed = Math.floor(c.sending.congestion.window) - pipeOf(c);
  const size = Math.min(c.segmentSize, most);
  const length = Math.min(available, usable, allowed, most);
  if (length >= size) {
    // Whole segments. The rest is sent only if it is the end of the data, and `mayEnd` allows it.
    const rest = length % size;
    return rest > 0 && (length < available || !mayEnd(c)) ? length - rest : length;
  }
  if (length === available) return mayEnd(c) ? length : 0;
  if (allowed < Math.min(size, available)) return limit(c);
  // RFC 9293 3.8.6.2.1: the window is small. Half of the largest window is still worth a segment.
  if (length > 0 && (length >= c.largestWindow / 2 || c.sending.overridesSillyWindow))
    return length;
  if (outstanding === 0 && c.sending.retransmitAt === Infinity) armWindowProbe(state, c, usable);
  return 0;
}

/**
 * Nagle's algorithm (RFC 9293 3.7.4) with Minshall's change, as in Linux: a small segment waits
 * only while another small one is on the way.
 */
function mayEnd(c: Connection): boolean {
  return c.noDelay || c.finQueued || !isAfter(c.sending.smallEnd, c.unacknowledged);
}

function limit(c: Connection): 0 {
  c.sending.isLimited = true;
  return 0;
}

/** After a silence longer than a timeout, reduces the congestion window (RFC 5681 4.1). */
function restartAfterIdle({ now }: StackState, c: Connection): void {
  if (c.sending.lastSentAt !== -Infinity && now - c.sending.lastSentAt > c.sending.rto.base)
    c.sending.congestion.onIdle();
}

/** RFC 9293 3.8.4: an old sequence number makes the other side answer. */
function sendProbe(state: StackState, c: Connection): number {
  if (!c.needsProbe) return 0;
  c.needsProbe = false;
  return sendPure(state, c, (c.unacknowledged - 1) | 0);
}

function sendPure(state: StackState, c: Connection, sequence: number): number {
  segment.flags = TCP_FLAG.ACK;
  segment.sequence = sequence;
  return write(state, c);
}

function write(state: StackState, c: Connection): number {
  // RFC 3168 6.1.3: reports a congestion mark that has come.
  if (c.usesEcn && c.hasReceived && c.receiving.echoesCongestion) segment.flags |= TCP_FLAG.ECE;
  if (segment.length > 0) c.sending.lastSentAt = state.now;
  return writeSegment(state, c, segment);
}

/** The segment that is being written. */
const segment: SegmentToWrite = {
  buffer: new Uint8Array(0),
  offset: 0,
  flags: 0,
  sequence: 0,
  length: 0,
  isMarkable: false,
  isProbe: false,
  offload: undefined,
};
