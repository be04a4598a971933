/**
 * How the buffers of a connection grow with what the path carries: the receiver's by dynamic
 * right-sizing (Feng and Fisk 2001; tcp_rcv_space_adjust of Linux), the sender's with the
 * congestion window.
 *
 * @module
 */
import type { StackState } from '../stack-state.ts';
import { isBefore } from '../wire/sequence.ts';
import type { Connection } from './connection.ts';

/**
 * Measures the round trip as a receiver: the time in which a window of data arrives. Called when
 * data has come.
 */
export function measureReceiver(state: StackState, c: Connection): void {
  if (isBefore(c.receiveNext, c.receiverMarkEdge)) return;
  const sample = state.now - c.receiverMarkAt;
  if (c.receiverMarkAt !== -Infinity && Number.isFinite(sample)) {
    // The sender may have paused, so a sample is an upper bound: small ones count more.
    const known = c.receiverRoundTrip;
    c.receiverRoundTrip = known === 0 || sample < known ? sample : known + (sample - known) / 8;
  }
  c.receiverMarkAt = state.now;
  c.receiverMarkEdge = c.announcedEdge;
}

/** The program has read `count` bytes: if it keeps up, the window doubles with each round trip. */
export function tuneReceiveBuffer(state: StackState, c: Connection, count: number): void {
  c.readSinceTuning += count;
  const roundTrip =
    c.rto.smoothed > 0
      ? Math.min(c.rto.smoothed, c.receiverRoundTrip || Infinity)
      : c.receiverRoundTrip;
  if (state.now - c.tunedAt < roundTrip) return;
  const { receiveBuffer } = c;
  // Twice what was read in a round trip: the sender may double its window in the next one.
  const wanted = 2 * c.readSinceTuning + 16 * c.segmentSize;
  if (wanted > receiveBuffer.capacity && hasMemory(state)) {
    receiveBuffer.capacity = Math.min(c.largestReceive, wanted);
  }
  c.readSinceTuning = 0;
  c.tunedAt = state.now;
}

/** The buffer keeps two windows: one is on the way, and one waits. */
export function tuneSendBuffer(state: StackState, c: Connection): void {
  // In congestion avoidance the window has a fraction.
  const wanted = Math.floor(2 * c.congestion.window) + 16 * c.segmentSize;
  if (wanted <= c.sendBuffer.capacity || !hasMemory(state)) return;
  c.sendBuffer.capacity = Math.min(c.largestSend, wanted);
}

/** Buffers grow only while the pool is not half empty. */
function hasMemory({ pool }: StackState): boolean {
  return pool.available * 2 > pool.size;
}
