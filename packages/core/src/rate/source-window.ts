/**
 * `SourceWindow`: whether a source was already seen in this second.
 *
 * One entry per IPv4 address or IPv6 /64, as in `RateLimiter`, but of fixed size and for sources that
 * showed nothing yet: an address may be forged. Addresses are spread over the entries with a secret
 * that changes each second, so that nobody can choose one that shares the entry of somebody else, and
 * whoever shares one by chance does not for long.
 *
 * @module
 */
import type { Endpoint } from '../endpoint.ts';
import { wordAt } from '../routing/address-bits.ts';

export class SourceWindow {
  readonly #randomBytes: (out: Uint8Array) => void;
  /** The number of the window in which an entry was last seen. */
  readonly #seenIn = new Uint32Array(1 << ENTRY_BITS);
  readonly #secrets = new Uint32Array(4);
  #window = 0;
  #startedAt = -Infinity;

  constructor(randomBytes: (out: Uint8Array) => void) {
    this.#randomBytes = randomBytes;
  }

  /** Notes a message. Returns whether it is the first of its source in this window. */
  isFirst(source: Endpoint, now: number): boolean {
    if (now >= this.#startedAt + WINDOW_MS || now < this.#startedAt) this.#restart(now);
    const entry = this.#entryOf(source.address);
    if (this.#seenIn[entry] === this.#window) return false;
    this.#seenIn[entry] = this.#window;
    return true;
  }

  #restart(now: number): void {
    const { buffer } = this.#secrets;
    this.#randomBytes(new Uint8Array(buffer));
    this.#startedAt = now;
    this.#window++;
  }

  /** Odd factors, the upper bits of a product; neighbours are mixed in between. */
  #entryOf(address: Uint8Array): number {
    const [first, second, addend, third] = this.#secrets;
    let sum = (Math.imul(wordAt(address, 0), first | 1) + addend) | 0;
    if (address.length === 16) sum = (sum + Math.imul(wordAt(address, 4), second | 1)) | 0;
    return Math.imul(sum ^ (sum >>> 15), third | 1) >>> (32 - ENTRY_BITS);
  }
}

/** A thousand sources take a sixteenth of the entries. */
const ENTRY_BITS = 14;
const WINDOW_MS = 1000;
