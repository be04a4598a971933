/**
 * `Receiving`: the state of what a connection receives: its buffer, the blocks for SACK, the time
 * of the last challenge ACK, and how fast the program reads. Like `Connection`, it has no rules.
 *
 * A connection that has received nothing has no `Receiving`, which saves memory: there may be many
 * such connections.
 *
 * @module
 */
import type { ChunkPool } from '../memory/chunk-pool.ts';
import { ReceiveBuffer } from './receive-buffer.ts';

export class Receiving {
  readonly buffer: ReceiveBuffer;
  /** The sequence number of the FIN of the other side, once it is known. */
  finSequence: number = 0;
  hasFin: boolean = false;
  /**
   * Whether a packet with a congestion mark (CE) has come. Our segments have ECE until the other
   * side sets CWR (RFC 3168 6.1.3).
   */
  echoesCongestion: boolean = false;

  // Acknowledgements.
  /** Bytes that came in order and are not acknowledged. */
  unackedBytes: number = 0;
  /**
   * Sequence numbers at which the segments that came out of order begin. The segment that came last
   * is first (RFC 2018 4).
   */
  recentBlocks: Int32Array = NO_BLOCKS;
  recentBlockCount: number = 0;
  /** A duplicate to report (RFC 2883 4). */
  duplicateStart: number = 0;
  duplicateEnd: number = 0;
  hasDuplicate: boolean = false;
  /** When the last challenge ACK was sent. */
  challengedAt: number = -Infinity;

  // Window tuning.
  /** Bytes that the program has read since `tunedAt`. */
  readSinceTuning: number = 0;
  tunedAt: number = -Infinity;
  /** The round trip as the receiver sees it, in ms; 0: unknown. */
  roundTrip: number = 0;
  /** When the measurement of the present window of data began. */
  markAt: number = -Infinity;
  /** The sequence number at which that window ends. */
  markEdge: number = 0;

  /**
   * @param pool the memory of the buffer
   * @param capacity the first capacity of the buffer, in bytes
   */
  constructor(pool: ChunkPool, capacity: number) {
    this.buffer = new ReceiveBuffer(pool, capacity);
  }
}

/** The `recentBlocks` of a connection without a gap in its data. Most connections have no gap. */
const NO_BLOCKS = new Int32Array(0);
