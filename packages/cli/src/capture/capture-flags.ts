/**
 * `CaptureFlags`: the parsed flags of `litz capture`.
 *
 * @module
 */

/** What to record, where to write it, and when to end. */
export interface CaptureFlags {
  /** The path of the file; '-' is standard output. */
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
