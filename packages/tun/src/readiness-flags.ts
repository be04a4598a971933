/**
 * The flags that `Readiness` and its thread share: three 32-bit words, accessed with Atomics.
 *
 * @module
 */

/** The `workerData` of the thread. */
export interface ReadinessStart {
  /** The flags. */
  readonly memory: SharedArrayBuffer;
  /** The descriptor to watch. */
  readonly fd: number;
  /** An eventfd that `Readiness` writes after it has changed a flag. */
  readonly wakeFd: number;
}

/** Index of a flag: 1 when the thread must end. */
export const STOPPED = 0;
/** Index of a flag: the events of poll(2) to wait for; 0: none. */
export const REQUESTED = 1;
/** Index of a flag: 1 while the thread may be in poll with the descriptor. */
export const POLLING = 2;
/** Length of the flags in bytes. */
export const FLAGS_LENGTH: number = 3 * Int32Array.BYTES_PER_ELEMENT;
