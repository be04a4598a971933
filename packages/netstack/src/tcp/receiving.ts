/**
 * `Receiving`: what a connection remembers about what has come, beside the bytes: what it reports
 * with SACK, when it answered a wrong segment, and how fast the program reads. Like `Connection`,
 * it has no rules.
 *
 * A connection that has received nothing has none, and there may be many of them.
 *
 * @module
 */

export class Receiving {
  /** Starts of the segments that came out of order, the last one first (RFC 2018 4). */
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
  /** When the measured window of data began, and where it ends. */
  markAt: number = -Infinity;
  markEdge: number = 0;
}

/** Most connections never see a gap. */
const NO_BLOCKS = new Int32Array(0);
