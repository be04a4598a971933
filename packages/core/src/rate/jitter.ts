/**
 * `Jitter`: small random delays. The random bytes come from the caller's source, in blocks.
 *
 * @module
 */

export class Jitter {
  readonly #randomBytes: (out: Uint8Array) => void;
  readonly #block = new Uint8Array(256);
  #used = 256;

  constructor(randomBytes: (out: Uint8Array) => void) {
    this.#randomBytes = randomBytes;
  }

  /**
   * Returns 0 to `max` whole milliseconds, both included. The modulo of a 16-bit number makes a
   * small bias, which does not matter here.
   */
  next(max: number): number {
    if (this.#used === this.#block.length) {
      this.#randomBytes(this.#block);
      this.#used = 0;
    }
    const value = this.#block[this.#used] | (this.#block[this.#used + 1] << 8);
    this.#used += 2;
    return value % (max + 1);
  }
}
