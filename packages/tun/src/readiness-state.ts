/**
 * The state that `Readiness` and its thread share.
 *
 * @module
 */

/** Index: 1 when the thread must end. */
export const STOPPED = 0;
/** Index: the events of poll(2) to wait for; 0: none. */
export const WANTED = 1;
/** Index: 1 while the thread may be in poll with the descriptor. */
export const POLLING = 2;

// Length of the state in bytes.
export const STATE_LENGTH: number = 3 * Int32Array.BYTES_PER_ELEMENT;

/** The `workerData` of the thread. */
export interface ReadinessStart {
  readonly state: SharedArrayBuffer;
  /** The descriptor to watch. */
  readonly fd: number;
  /** An eventfd that is written after each change of the state. */
  readonly wakeFd: number;
}
