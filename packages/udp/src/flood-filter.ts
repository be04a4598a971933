/**
 * `FloodFilter`: keeps a flood of handshake messages out of the queue of one socket.
 *
 * 1. When more handshake messages arrive than honest peers send, `FloodFilter` starts to count the
 *    messages of each source (`SourceSketch`).
 * 2. Eight times per second `FloodFilter` gives the kernel a filter (`handshakeFilter`). The filter
 *    has a list of marked sources, which are the sources that send many messages, and the share of
 *    their messages that still passes. The share is large enough to see whether these sources
 *    continue. It also gives a chance to an honest peer behind the address of a marked source.
 *    Sources that send few messages, as honest peers do, always pass.
 * 3. The filter lets only a share of the messages of a marked source pass. So each message that
 *    passes counts as several messages. When few messages arrive, `FloodFilter` removes the filter.
 *
 * If the kernel does not accept a filter, the device works without one.
 *
 * @module
 */
import { encode, handshakeFilter } from './handshake-filter.ts';
import type { Family } from './linux-abi.ts';
import { SourceSketch } from './source-sketch.ts';

/** Attaches a program to the socket; undefined removes it. @returns whether that worked */
export type AttachFilter = (program: Uint8Array | undefined) => boolean;

export class FloodFilter {
  readonly #family: Family;
  readonly #attach: AttachFilter;
  readonly #random: ((out: Uint32Array) => void) | undefined;
  #sketch: SourceSketch | undefined = undefined;
  /**
   * An estimate of how many messages came from marked sources, dropped messages included: one
   * number for messages without mac2, one for messages with mac2.
   */
  readonly #marked: [without: number, withMac2: number] = [0, 0];
  // The share of the messages of marked sources that passes the filter, 0 to 1: one number for
  // messages without mac2, one for messages with mac2.
  readonly #passingShares: [without: number, withMac2: number] = [1, 1];
  /** An estimate of how many messages came since the last check, dropped messages included. */
  #total = 0;
  #quietIntervals = 0;
  #updatedAt = -Infinity;
  #isAttached = false;
  #isUnsupported = false;

  constructor(family: Family, attach: AttachFilter, random?: (out: Uint32Array) => void) {
    this.#family = family;
    this.#attach = attach;
    this.#random = random;
  }

  /**
   * When `update` must be called at the latest, in ms, on the same clock as the argument `now` of
   * `update`. Infinity: no call is needed.
   */
  get due(): number {
    return this.#sketch ? this.#updatedAt + INTERVAL_MS : Infinity;
  }

  /**
   * Counts what the kernel has delivered in one piece: one datagram, or several datagrams of one
   * source that it has coalesced. Only handshake messages count. The first datagram is `length`
   * bytes at `offset`.
   *
   * @param count how many datagrams of this length the kernel coalesced; 1: a single datagram
   * @param high the first 32 bits of the source address, in network order
   * @param low the next 32 bits; 0 for IPv4
   */
  // oxlint-disable-next-line max-params -- called per message: an object would be garbage
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
    const share = isMarked && this.#isAttached ? this.#passingShares[kind] : 1;
    const weight = count / share;
    sketch.note(high, low, weight);
    this.#total += weight - count;
    if (isMarked) this.#marked[kind] += weight;
  }

  /** Must be called after each batch, and when `due` has come. */
  update(now: number): void {
    if (!this.#sketch) {
      if (this.#total >= FLOOD_MESSAGES) this.#detectFlood(now);
      return;
    }
    if (now < this.due) return;
    const seconds = (now - this.#updatedAt) / 1000;
    this.#updatedAt = now;
    const isQuiet = this.#total < QUIET_PER_SECOND * seconds;
    this.#quietIntervals = isQuiet ? this.#quietIntervals + 1 : 0;
    if (this.#quietIntervals === QUIET_INTERVALS) this.#stop();
    else this.#applyMarks(this.#sketch, seconds);
  }

  /** Many messages came. Starts to count sources if they came within a short time. */
  #detectFlood(now: number): void {
    const isFlood = now - this.#updatedAt < FLOOD_MS && !this.#isUnsupported;
    this.#updatedAt = now;
    this.#total = 0;
    if (isFlood) this.#start(now);
  }

  #start(now: number): void {
    this.#sketch = new SourceSketch(this.#random);
    this.#updatedAt = now;
    this.#quietIntervals = 0;
    this.#forgetCounts();
  }

  #stop(): void {
    this.#remove();
    this.#sketch = undefined;
    this.#forgetCounts();
  }

  #applyMarks(sketch: SourceSketch, seconds: number): void {
    for (const kind of [0, 1] as const) {
      const perSecond = this.#marked[kind] / seconds;
      const share = PASSING_PER_SECOND[kind] / perSecond;
      this.#passingShares[kind] = Math.min(1, Math.max(LEAST_SHARE, share));
    }
    sketch.endInterval();
    this.#forgetCounts();
    if (!sketch.hasMarks) {
      this.#remove();
      return;
    }
    const [withoutMac2, withMac2] = this.#passingShares;
    const program = handshakeFilter(this.#family, sketch, { withoutMac2, withMac2 });
    this.#isAttached = this.#attach(encode(program));
    if (this.#isAttached) return;
    this.#isUnsupported = true;
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

/** Offset of mac2, by length of the message; 0: a message of this length has no mac2. */
const MAC2_OFFSETS: Readonly<Record<number, number | undefined>> = { 148: 132, 92: 76, 64: 0 };
/**
 * A flood begins with this many messages within `FLOOD_MS`, which are 2000 per second. A server
 * with only honest peers gets fewer than 1000 per second.
 */
const FLOOD_MESSAGES = 500;
const FLOOD_MS = 250;
// How often the filter is updated, in ms.
const INTERVAL_MS = 125;
/**
 * How many messages per second of marked sources pass. Without mac2: enough to see whether the
 * sources continue. With mac2: more than the handshakes that one core can answer, so that many
 * honest peers at the same time are not hindered.
 */
const PASSING_PER_SECOND: readonly [without: number, withMac2: number] = [3000, 8000];
// The smallest share that passes.
const LEAST_SHARE = 1 / 65536;
/**
 * The flood is over when fewer messages than this arrive per second, in 16 successive intervals
 * (two seconds).
 */
const QUIET_PER_SECOND = 300;
const QUIET_INTERVALS = 16;
