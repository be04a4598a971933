/**
 * TAI64N timestamps of initiations, section 5.1 and 5.4: 8 bytes of seconds, 4 of nanoseconds,
 * big-endian. https://cr.yp.to/libtai/tai64.html
 *
 * @module
 */
import { TIMESTAMP_LENGTH } from '../constants.ts';

/**
 * Gives timestamps that only grow: a responder drops what is not greater than the last.
 *
 * The nanoseconds are rounded down to a multiple of 2^24 (1/60 s), as the kernel does (noise.c,
 * tai64n_now): an exact clock would tell strangers more than it must. Each timestamp is at least one
 * such step after the last one, also when the clock steps back. What was used before a restart is not
 * known here: then the clock must not have stepped back.
 */
export class TimestampSource {
  readonly #unixTime: () => number;
  #lastStep = -1;

  /** @param unixTime Unix milliseconds; may jump. What is no number counts as no progress. */
  constructor(unixTime: () => number) {
    this.#unixTime = unixTime;
  }

  /** 12 new bytes. */
  next(): Uint8Array {
    const step = stepOf(this.#unixTime());
    this.#lastStep = step > this.#lastStep ? step : this.#lastStep + 1;
    return timestampOf(this.#lastStep);
  }
}

/** Negative, zero or positive, as `a` is before, the same as, or after `b`. 12 bytes each. */
export function compareTimestamps(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < TIMESTAMP_LENGTH; i++) {
    if (a[i] !== b[i]) return a[i] - b[i];
  }
  return 0;
}

/** Steps since 1970: 60 to a second, the last one shorter than the others. */
function stepOf(unixMs: number): number {
  const seconds = Math.floor(unixMs / 1000);
  const nanoseconds = (unixMs - seconds * 1000) * 1e6;
  return seconds * STEPS_PER_SECOND + Math.floor(nanoseconds / STEP_NANOSECONDS);
}

function timestampOf(step: number): Uint8Array {
  const timestamp = new Uint8Array(TIMESTAMP_LENGTH);
  const view = new DataView(timestamp.buffer);
  const seconds = Math.floor(step / STEPS_PER_SECOND);
  // 2^62 is the year 1970; TAI was 10 s ahead then, and like the kernel we count no leap seconds.
  const label = seconds + 10;
  view.setUint32(0, 0x40000000 + Math.floor(label / 2 ** 32));
  view.setUint32(4, label);
  view.setUint32(8, (step % STEPS_PER_SECOND) * STEP_NANOSECONDS);
  return timestamp;
}

/** The kernel's rounddown_pow_of_two(10^9 / INITIATIONS_PER_SECOND). */
const STEP_NANOSECONDS: number = 2 ** 24;
const STEPS_PER_SECOND = 60;
