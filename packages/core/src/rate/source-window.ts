/**
 * `SourceWindow`: remembers which sources have already sent a message in the current second.
 *
 * There is one entry per IPv4 address or IPv6 /64, as in `RateLimiter`. But the table has a fixed
 * size, because the addresses of these sources may be forged. A secret that changes every second
 * determines the entry of each address. So an attacker cannot choose an address that shares the
 * entry of another source, and two sources that share an entry by chance do so only for a second.
 *
 * @module
 */
import type { Endpoint } from '../endpoint.ts';
import { wordAt } from '../routing/address-bits.ts';

export class SourceWindow {
  readonly #randomBytes: (out: Uint8Array) => void;
  /** For each entry, the number of the window in which it was last used. */
  readonly #seenIn = new Uint32Array(1 << ENTRY_BITS);
  readonly #secrets = new Uint32Array(4);
  #window = 0;
  #startedAt = -Infinity;

  constructor(randomBytes: (out: Uint8Array) => void) {
    this.#randomBytes = randomBytes;
  }

  /** Records a message. Returns whether it is the first message of its source in this window. */
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

  /**
   * Computes a multiply-shift hash: the factors are odd and secret, and the upper bits of the
   * product are used. The xor-shift spreads neighbouring addresses.
   */
  #entryOf(address: Uint8Array): number {
    const [first, second, addend, third] = this.#secrets;
    let sum = (Math.imul(wordAt(address, 0), first | 1) + addend) | 0;
    if (address.length === 16) sum = (sum + Math.imul(wordAt(address, 4), second | 1)) | 0;
    return Math.imul(sum ^ (sum >>> 15), third | 1) >>> (32 - ENTRY_BITS);
  }
}

/** The table has 16,384 entries. A thousand sources use a sixteenth of them. */
const ENTRY_BITS = 14;
/** The length of a window, in milliseconds. */
const WINDOW_MS = 1000;
