/**
 * `CaptureFlags`: the flags of `litz capture`, read.
 *
 * @module
 */

/** What to record, where to, and when to end. */
export interface CaptureFlags {
  /** '-': standard output. */
  readonly write?: string;
  readonly peer?: readonly string[];
  readonly only?: 'inner' | 'outer';
  readonly snapLength?: number;
  readonly count?: number;
  /** Seconds. */
  readonly duration?: number;
  /** Bytes. */
  readonly size?: number;
  readonly keyLog?: string;
  readonly embedKeys?: true;
}
