/**
 * What `Readiness` and its thread share.
 *
 * @module
 */

/** Set when the thread is to end. */
export const STOPPED = 0;
/** The events of poll(2) that are waited for; 0: none. */
export const WANTED = 1;
/** 1 while the thread may be asleep with the descriptor in its hands. */
export const POLLING = 2;

export const STATE_LENGTH: number = 3 * Int32Array.BYTES_PER_ELEMENT;

/** `workerData` of the thread. */
export interface ReadinessStart {
  readonly state: SharedArrayBuffer;
  /** The descriptor that is watched. */
  readonly fd: number;
  /** An eventfd, written after a change of the state. */
  readonly wakeFd: number;
}
