/**
 * TAI64N timestamps of initiations, sections 5.1 and 5.4 of the WireGuard paper: 8 bytes of
 * seconds, 4 of nanoseconds, big-endian. https://cr.yp.to/libtai/tai64.html
 *
 * @module
 */
import { TIMESTAMP_LENGTH } from '../constants.ts';
import type { StateCodec } from '../hand-over/state-codec.ts';

/**
 * Makes timestamps that always increase, because a responder drops a timestamp that is not greater
 * than the last timestamp that it accepted.
 *
 * The nanoseconds are rounded down to a multiple of 2^24 (1/60 s), as in the kernel (noise.c,
 * tai64n_now), because the exact time would reveal more to strangers than necessary. Each timestamp
 * is at least one step of this length after the last timestamp, even when the clock goes back.
 * Timestamps from before a restart are not known here, so the clock must not be earlier after a
 * restart than before it.
 */
export class TimestampSource {
  readonly #unixTime: () => number;
  #lastStep = -1;
  /**
   * The greatest step that a timestamp could have when another process got a copy of this state.
   */
  #copiedStep = -1;

  /** When the other process got that copy, in monotonic ms; Infinity if there was no copy. */
  #copiedAt = Infinity;

  /**
   * @param unixTime returns Unix time in milliseconds; it may jump. If it returns NaN, the next
   *   timestamp is one step after the last timestamp.
   */
  constructor(unixTime: () => number) {
    this.#unixTime = unixTime;
  }

  /** Returns the next timestamp, 12 new bytes. */
  next(): Uint8Array {
    const step = stepOf(this.#unixTime());
    this.#lastStep = step > this.#lastStep ? step : this.#lastStep + 1;
    return timestampOf(this.#lastStep);
  }

  /** Remembers that another process gets the last timestamp at `now`, in monotonic ms. */
  noteCopy(now: number): void {
    this.#copiedStep = this.#present();
    this.#copiedAt = now;
  }

  /**
   * Skips timestamps that the other process may have used since `noteCopy`: all up to the present
   * step, and `count` more. The clock may have gone back since `noteCopy`, so the present step is
   * also computed from the monotonic time that has passed.
   */
  skip(count: number, now: number): void {
    const theirs = (this.msSinceCopy(now) / 1000) * STEPS_PER_SECOND + this.#copiedStep;
    this.#lastStep = Math.max(this.#present(), Math.ceil(theirs)) + count;
  }

  /** How long ago `noteCopy` was called, in ms; 0 if it was never called. */
  msSinceCopy(now: number): number {
    return Math.max(0, now - this.#copiedAt);
  }

  /** Writes or reads the last timestamp, for a hand-over. */
  code(codec: StateCodec): void {
    this.#lastStep = codec.number(this.#lastStep);
  }

  /** The greatest step that a timestamp may have had until this moment. */
  #present(): number {
    return Math.max(this.#lastStep, stepOf(this.#unixTime()) || 0);
  }
}

/**
 * Returns a negative number, zero or a positive number if `a` is before, equal to, or after `b`.
 * Both are 12 bytes long.
 */
export function compareTimestamps(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < TIMESTAMP_LENGTH; i++) {
    if (a[i] !== b[i]) return a[i] - b[i];
  }
  return 0;
}

/**
 * Returns the number of steps since 1970. There are 60 steps in a second. The last step of a second
 * is shorter than the others.
 */
function stepOf(unixMs: number): number {
  const seconds = Math.floor(unixMs / 1000);
  const nanoseconds = (unixMs - seconds * 1000) * 1e6;
  return seconds * STEPS_PER_SECOND + Math.floor(nanoseconds / STEP_NANOSECONDS);
}

function timestampOf(step: number): Uint8Array {
  const timestamp = new Uint8Array(TIMESTAMP_LENGTH);
  const view = new DataView(timestamp.buffer);
  const seconds = Math.floor(step / STEPS_PER_SECOND);
  // 2^62 is the beginning of 1970. TAI was 10 s ahead of UTC then. Like the kernel, we count no
  // leap seconds.
  const label = seconds + 10;
  view.setUint32(0, 0x40000000 + Math.floor(label / 2 ** 32));
  view.setUint32(4, label);
  view.setUint32(8, (step % STEPS_PER_SECOND) * STEP_NANOSECONDS);
  return timestamp;
}

/** The kernel's rounddown_pow_of_two(10^9 / INITIATIONS_PER_SECOND). */
const STEP_NANOSECONDS: number = 2 ** 24;
const STEPS_PER_SECOND = 60;
