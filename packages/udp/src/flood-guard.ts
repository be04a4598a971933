/**
 * `FloodGuard`: keeps a flood of handshake messages out of one socket's queue, while there is one.
 *
 * 1. More of them come than honest peers send: the guard begins to count who sends them (`SourceSketch`).
 * 2. Eight times a second the sources that send many are given to the kernel (`handshakeFilter`), with the
 *    share of their messages that still passes: as many as tell whether they go on, and as give an honest
 *    peer behind such an address a chance. Sources that send few, which honest peers are, pass always.
 * 3. What passed is counted for what was dropped with it. When little comes any more, the filter goes.
 *
 * Where the kernel takes no filter the device does without.
 *
 * @module
 */
import { encode, handshakeFilter } from './handshake-filter.ts';
import type { Family } from './linux-abi.ts';
import { SourceSketch } from './source-sketch.ts';

/** Gives a program to the kernel, undefined takes it away. @returns whether it did */
export type AttachFilter = (program: Uint8Array | undefined) => boolean;

export class FloodGuard {
  readonly #family: Family;
  readonly #attach: AttachFilter;
  readonly #random: ((out: Uint32Array) => void) | undefined;
  #sketch: SourceSketch | undefined = undefined;
  /** Messages of marked sources, with those that were dropped, by whether they have a mac2. */
  readonly #marked: [without: number, withMac2: number] = [0, 0];
  readonly #pass: [without: number, withMac2: number] = [1, 1];
  /** All messages since the last look, with those that were dropped. */
  #total = 0;
  #quietIntervals = 0;
  #settledAt = -Infinity;
  #isAttached = false;
  #isRefused = false;

  constructor(family: Family, attach: AttachFilter, random?: (out: Uint32Array) => void) {
    this.#family = family;
    this.#attach = attach;
    this.#random = random;
  }

  /** When `follow` is to be called at the latest; Infinity if there is no need. */
  get due(): number {
    return this.#sketch ? this.#settledAt + INTERVAL_MS : Infinity;
  }

  /**
   * Datagrams that came at once from one source, the first of them `length` bytes at `offset`.
   *
   * @param count how many of this length the kernel coalesced; 1: it is alone
   * @param high the first 32 bits of its source's address, network order; `low`: the next, 0 for IPv4
   */
  note(
    buffer: Uint8Array,
    offset: number,
    length: number,
    count: number,
    high: number,
    low: number,
  ): void {
    const type = buffer[offset]!;
    if (type < 1 || type > 3) return;
    this.#total += count;
    const mac2 = MAC2_OFFSETS[length];
    const sketch = this.#sketch;
    if (!sketch || mac2 === undefined) return;
    const at = offset + mac2;
    const hasMac2 =
      mac2 > 0 && (buffer[at]! | buffer[at + 1]! | buffer[at + 2]! | buffer[at + 3]!) !== 0;
    const kind = hasMac2 ? 1 : 0;
    const isMarked = sketch.isMarked(high, low);
    const share = isMarked && this.#isAttached ? this.#pass[kind] : 1;
    const weight = count / share;
    sketch.note(high, low, weight);
    this.#total += weight - count;
    if (isMarked) this.#marked[kind] += weight;
  }

  /** To be called after each batch, and when it is due. */
  follow(now: number): void {
    if (!this.#sketch) {
      if (this.#total >= FLOOD_MESSAGES) this.#lookFor(now);
      return;
    }
    if (now < this.due) return;
    const seconds = (now - this.#settledAt) / 1000;
    this.#settledAt = now;
    const isQuiet = this.#total < QUIET_PER_SECOND * seconds;
    this.#quietIntervals = isQuiet ? this.#quietIntervals + 1 : 0;
    if (this.#quietIntervals === QUIET_INTERVALS) this.#stop();
    else this.#settle(this.#sketch, seconds);
  }

  /** Many came: did they come at once? */
  #lookFor(now: number): void {
    const isFlood = now - this.#settledAt < FLOOD_MS && !this.#isRefused;
    this.#settledAt = now;
    this.#total = 0;
    if (isFlood) this.#start(now);
  }

  #start(now: number): void {
    this.#sketch = new SourceSketch(this.#random);
    this.#settledAt = now;
    this.#quietIntervals = 0;
    this.#forgetCounts();
  }

  #stop(): void {
    this.#remove();
    this.#sketch = undefined;
    this.#forgetCounts();
  }

  #settle(sketch: SourceSketch, seconds: number): void {
    for (const kind of [0, 1] as const) {
      const perSecond = this.#marked[kind] / seconds;
      const share = PASSING_PER_SECOND[kind] / perSecond;
      this.#pass[kind] = Math.min(1, Math.max(LEAST_SHARE, share));
    }
    sketch.settle();
    this.#forgetCounts();
    if (!sketch.hasMarks) {
      this.#remove();
      return;
    }
    const [withoutMac2, withMac2] = this.#pass;
    const program = handshakeFilter(this.#family, sketch, { withoutMac2, withMac2 });
    this.#isAttached = this.#attach(encode(program));
    if (this.#isAttached) return;
    this.#isRefused = true;
    this.#stop();
  }

  #remove(): void {
    if (this.#isAttached) this.#attach(undefined);
    this.#isAttached = false;
  }

  #forgetCounts(): void {
    this.#total = 0;
    this.#marked.fill(0);
  }
}

/** By length of the message; 0: it has none. */
const MAC2_OFFSETS: Readonly<Record<number, number | undefined>> = { 148: 132, 92: 76, 64: 0 };
/** So many in so short a time; a server with honest peers alone gets less than a thousand per second. */
const FLOOD_MESSAGES = 500;
const FLOOD_MS = 250;
const INTERVAL_MS = 125;
/**
 * Of marked sources. Without a mac2: enough to see whether they go on. With one: more than the handshakes
 * that a core can answer, so that many honest peers at once are not hindered.
 */
const PASSING_PER_SECOND: readonly [without: number, withMac2: number] = [1500, 8000];
const LEAST_SHARE = 1 / 65536;
/** Fewer than these, for two seconds: it is over. */
const QUIET_PER_SECOND = 300;
const QUIET_INTERVALS = 16;
