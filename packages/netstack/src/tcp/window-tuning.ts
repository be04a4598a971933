/**
 * How the buffers of a connection grow with the capacity of the path: the receive buffer by dynamic
 * right-sizing (Feng and Fisk 2001; tcp_rcv_space_adjust of Linux), the send buffer with the
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
  if (isBefore(c.receiveNext, c.receiving.markEdge)) return;
  const sample = state.now - c.receiving.markAt;
  if (c.receiving.markAt !== -Infinity && Number.isFinite(sample)) {
    // The sender may have paused, so a sample is an upper bound: small ones count more.
    const known = c.receiving.roundTrip;
    c.receiving.roundTrip = known === 0 || sample < known ? sample : known + (sample - known) / 8;
  }
  c.receiving.markAt = state.now;
  c.receiving.markEdge = c.announcedEdge;
}

/**
 * Must be called when the program has read `count` bytes. If the program keeps up with the sender,
 * the window doubles with each round trip.
 */
export function tuneReceiveBuffer(state: StackState, c: Connection, count: number): void {
  c.receiving.readSinceTuning += count;
  const measured = c.receiving.roundTrip;
  const known = c.roundTrip;
  const roundTrip = known > 0 ? Math.min(known, measured || Infinity) : measured;
  if (state.now - c.receiving.tunedAt < roundTrip) return;
  const { buffer } = c.receiving;
  // Twice what was read in a round trip: the sender may double its window in the next one.
  const wanted = 2 * c.receiving.readSinceTuning + 16 * c.segmentSize;
  if (wanted > buffer.capacity && hasMemory(state)) {
    buffer.capacity = Math.min(c.options.receiveBuffer, wanted);
  }
  c.receiving.readSinceTuning = 0;
  c.receiving.tunedAt = state.now;
}

/** Lets the send buffer grow to two congestion windows: one is on the way, and one waits. */
export function tuneSendBuffer(state: StackState, c: Connection): void {
  // In congestion avoidance the window need not be an integer.
  const wanted = Math.floor(2 * c.sending.congestion.window) + 16 * c.segmentSize;
  if (wanted <= c.sendBuffer.capacity || !hasMemory(state)) return;
  c.sendBuffer.capacity = Math.min(c.options.sendBuffer, wanted);
}

/** Buffers grow only while more than half of the pool is free. */
function hasMemory({ pool }: StackState): boolean {
  return pool.available * 2 > pool.size;
}
