/**
 * `SipHash`: SipHash-2-4 (Aumasson, Bernstein 2012) of 32-bit words, with a random key of its own.
 *
 * It makes values that nobody outside can predict from addresses and ports: initial sequence
 * numbers (RFC 6528 3), ports (RFC 6056 3.3.3), identifications (RFC 7739 5.3), and places in hash
 * tables. A 64-bit word is kept as two signed 32-bit halves.
 *
 * @module
 */
import type { IpAddress } from './wire/ip-address.ts';

export class SipHash {
  readonly #key = new Int32Array(4);
  /** v0 to v3 as low and high halves. */
  readonly #v = new Int32Array(8);
  #words = 0;
  #pending = 0;

  /** @param randomBytes fills its argument with random bytes */
  constructor(randomBytes: (out: Uint8Array) => void) {
    randomBytes(new Uint8Array(this.#key.buffer));
  }

  /** Begins a new hash. */
  begin(): this {
    const [k0, k1, k2, k3] = this.#key;
    const v = this.#v;
    v[0] = k0 ^ 0x70736575;
    v[1] = k1 ^ 0x736f6d65;
    v[2] = k2 ^ 0x6e646f6d;
    v[3] = k3 ^ 0x646f7261;
    v[4] = k0 ^ 0x6e657261;
    v[5] = k1 ^ 0x6c796765;
    v[6] = k2 ^ 0x79746573;
    v[7] = k3 ^ 0x74656462;
    this.#words = 0;
    return this;
  }

  /** Adds 32 bits. */
  word(value: number): this {
    if ((this.#words++ & 1) === 0) this.#pending = value;
    else this.#compress(this.#pending, value);
    return this;
  }

  /** Adds an address. */
  address({ version, word0, word1, word2, word3 }: IpAddress): this {
    if (version === 6) this.word(word0).word(word1).word(word2);
    return this.word(word3);
  }

  /** Returns the low 32 bits of the hash, signed. */
  end(): number {
    const v = this.#v;
    // The last block: the words that remain, and the length in bytes modulo 256 on top.
    const isOdd = (this.#words & 1) === 1;
    this.#compress(isOdd ? this.#pending : 0, (this.#words * 4) << 24);
    v[4] ^= 0xff;
    for (let i = 0; i < 4; i++) this.#round();
    return v[0] ^ v[2] ^ v[4] ^ v[6];
  }

  /** Returns the high 32 bits of the hash that `end` has computed, signed. */
  get high(): number {
    const v = this.#v;
    return v[1] ^ v[3] ^ v[5] ^ v[7];
  }

  #compress(low: number, high: number): void {
    const v = this.#v;
    v[6] ^= low;
    v[7] ^= high;
    this.#round();
    this.#round();
    v[0] ^= low;
    v[1] ^= high;
  }

  #round(): void {
    this.#mix(0, 2, 13);
    this.#mix(4, 6, 16);
    this.#swap(0);
    this.#mix(4, 2, 17);
    this.#mix(0, 6, 21);
    this.#swap(4);
  }

  /** a += b; b = rotate(b, bits) ^ a. */
  #mix(a: number, b: number, bits: number): void {
    const v = this.#v;
    const low = (v[a] >>> 0) + (v[b] >>> 0);
    v[a + 1] = v[a + 1] + v[b + 1] + (low > 0xffffffff ? 1 : 0);
    v[a] = low;
    const [l, h] = [v[b], v[b + 1]];
    v[b] = ((l << bits) | (h >>> (32 - bits))) ^ v[a];
    v[b + 1] = ((h << bits) | (l >>> (32 - bits))) ^ v[a + 1];
  }

  /** Rotates by 32 bits. */
  #swap(a: number): void {
    const v = this.#v;
    const low = v[a];
    v[a] = v[a + 1];
    v[a + 1] = low;
  }
}
