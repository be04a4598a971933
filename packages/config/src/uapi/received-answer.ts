/**
 * `ReceivedAnswer`: collects the bytes of a daemon's answer until the answer is complete.
 *
 * @module
 */
import { wipe } from '@litz/core/internals';

/** The received part of an answer. An empty line ends the answer. */
export class ReceivedAnswer {
  readonly #maxLength: number;
  readonly #pieces: Buffer[] = [];
  #length = 0;

  /** @param maxLength longest answer in bytes */
  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /**
   * Adds bytes, which then belong to this object. Returns false if the answer is longer than
   * allowed.
   */
  push(bytes: Buffer): boolean {
    this.#pieces.push(bytes);
    this.#length += bytes.length;
    return this.#length <= this.#maxLength;
  }

  /** Returns whether the empty line was received. */
  isWhole(): boolean {
    return this.#byteFromEnd(1) === LINE_FEED && this.#byteFromEnd(2) === LINE_FEED;
  }

  /** Returns the text, and wipes the bytes, because an answer contains private keys. */
  takeText(): string {
    const whole = Buffer.concat(this.#pieces);
    try {
      return whole.toString('latin1');
    } finally {
      wipe(whole, ...this.#pieces);
    }
  }

  /**
   * Returns the last byte (distance 1) or the one before it (2). The two bytes may be in different
   * pieces.
   */
  #byteFromEnd(distance: number): number | undefined {
    const last = this.#pieces.at(-1);
    if (!last) return undefined;
    if (last.length >= distance) return last[last.length - distance];
    return this.#pieces.at(-2)?.at(last.length - distance);
  }
}

const LINE_FEED = 0x0a;
