/**
 * The data and the FIN of a segment (RFC 9293 3.10.7.4, "seventh" and "eighth").
 *
 * @module
 */
import { StackError } from '../errors.ts';
import type { StackState } from '../stack-state.ts';
import { distance, earlier, isAfter, isBefore, later } from '../wire/sequence.ts';
import { TCP_FLAG, type TcpHeader } from '../wire/tcp-header.ts';
import type { Connection } from './connection.ts';
import { abortConnection, changeState } from './lifecycle.ts';
import { armDelayedAck } from './timers.ts';
import { measureReceiver } from './window-tuning.ts';

/** Takes the new data and the FIN of a segment with an acceptable sequence number. */
export function receiveData(state: StackState, c: Connection, segment: TcpHeader): void {
  if (segment.dataLength > 0) {
    if (isUnwanted(c)) return refuse(state, c);
    takeData(state, c, segment);
  }
  if (segment.has(TCP_FLAG.FIN)) noteFin(c, segment);
  if (!c.hasReceived || c.isEnded) return;
  const { hasFin, finSequence } = c.receiving;
  if (hasFin && c.receiveNext === finSequence) receiveFin(state, c);
}

/**
 * Whether nobody will read the data, because the program has closed the connection (RFC 9293
 * 3.10.7.1; RFC 2525 2.17).
 */
function isUnwanted(c: Connection): boolean {
  return c.isReadClosed && (c.state === 'fin-wait-1' || c.state === 'fin-wait-2');
}

function refuse(state: StackState, c: Connection): void {
  const text = `${c.remote.toString()} port ${c.remotePort} sent data to a closed connection`;
  abortConnection(state, c, new StackError('ECONNRESET', text));
}

function takeData(state: StackState, c: Connection, segment: TcpHeader): void {
  const { receiveNext } = c;
  const end = (segment.sequence + segment.dataLength) | 0;
  if (isBefore(segment.sequence, receiveNext)) {
    noteDuplicate(c, segment.sequence, earlier(end, receiveNext));
  }
  const start = later(segment.sequence, receiveNext);
  const length = distance(earlier(end, c.announcedEdge), start);
  if (length <= 0) {
    c.needsAck = true;
    return;
  }
  const position = distance(start, receiveNext);
  const { ahead } = c;
  if (position > 0 && ahead.covers(position, position + length)) {
    noteDuplicate(c, start, (start + length) | 0);
  }
  const hadGap = ahead.count > 0;
  const offset = segment.dataOffset + distance(start, segment.sequence);
  const grown = c.receiving.buffer.write(position, state.packet.buffer, offset, length);
  if (grown === -1) {
    state.drop('no-memory');
    c.needsAck = true;
    return;
  }
  if (position > 0) noteBlock(c, start);
  if (grown > 0) advance(state, c, grown);
  // RFC 5681 4.2: data that is out of order or fills a gap is acknowledged at once.
  if (position > 0 || hadGap) c.needsAck = true;
  else acknowledgeLater(state, c, segment);
}

function advance(state: StackState, c: Connection, count: number): void {
  c.receiveNext = (c.receiveNext + count) | 0;
  c.receiving.unackedBytes += count;
  if (c.ahead.count === 0) c.receiving.recentBlockCount = 0;
  measureReceiver(state, c);
  if (!c.isReadClosed) c.user?.changed();
}

/** RFC 9293 3.8.6.3, RFC 5681 4.2: every second full segment is acknowledged at once. */
function acknowledgeLater(state: StackState, c: Connection, segment: TcpHeader): void {
  const { unackedBytes } = c.receiving;
  const isEnough = unackedBytes > c.segmentSize || segment.dataLength > c.segmentSize;
  if (isEnough || c.quickAcks > 0) c.needsAck = true;
  else armDelayedAck(state, c);
}

/** Records bytes that came twice, to report them with SACK (RFC 2883 4). */
function noteDuplicate(c: Connection, start: number, end: number): void {
  if (!c.usesSack || c.receiving.hasDuplicate || !isBefore(start, end)) return;
  c.receiving.hasDuplicate = true;
  c.receiving.duplicateStart = start;
  c.receiving.duplicateEnd = end;
  c.needsAck = true;
}

/**
 * Records where data after a gap begins. RFC 2018 4: the block of the latest segment comes first.
 */
function noteBlock(c: Connection, start: number): void {
  if (c.receiving.recentBlocks.length === 0) c.receiving.recentBlocks = new Int32Array(4);
  const { recentBlocks } = c.receiving;
  recentBlocks.copyWithin(1, 0, recentBlocks.length - 1);
  recentBlocks[0] = start;
  c.receiving.recentBlockCount = Math.min(c.receiving.recentBlockCount + 1, recentBlocks.length);
}

/** Records a FIN, which may come before data that is still missing. */
function noteFin(c: Connection, segment: TcpHeader): void {
  const sequence = (segment.sequence + segment.dataLength) | 0;
  if (c.receiving.hasFin || isAfter(sequence, c.announcedEdge)) {
    c.needsAck = true;
    return;
  }
  c.receiving.hasFin = true;
  c.receiving.finSequence = sequence;
}

/** The stream of the other side has ended. */
function receiveFin(state: StackState, c: Connection): void {
  c.receiveNext = (c.receiveNext + 1) | 0;
  c.isEnded = true;
  c.needsAck = true;
  if (c.state === 'established') changeState(state, c, 'close-wait');
  // Our FIN is not acknowledged; if it were, the state would be FIN-WAIT-2 by now.
  else if (c.state === 'fin-wait-1') changeState(state, c, 'closing');
  else if (c.state === 'fin-wait-2') changeState(state, c, 'time-wait');
}
