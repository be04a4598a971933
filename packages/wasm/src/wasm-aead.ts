/**
 * `WasmAead`: Aead and Xaead of handshakes and cookie replies, each with a key of its own.
 *
 * @module
 */
import { checkLength, KEY_LENGTH, TAG_LENGTH, wipe } from '@litz/core';
import type { WasmArena } from './wasm-arena.ts';

export class WasmAead {
  readonly #arena: WasmArena;

  constructor(arena: WasmArena) {
    this.#arena = arena;
  }

  /** @param nonce 12 bytes, or 24 for XChaCha20-Poly1305 */
  seal(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, auth: Uint8Array): Uint8Array {
    const { kernels, window } = this.#arena;
    const at = this.#copyIn(plain, auth);
    try {
      const [n0, n1, n2] = this.#setKey(key, nonce);
      const { KEY, WINDOW } = kernels;
      const data = WINDOW.value + at;
      kernels.seal(KEY.value, n0, n1, n2, WINDOW.value, auth.length, data, plain.length);
      return window.slice(at, at + plain.length + TAG_LENGTH);
    } finally {
      this.#wipe(at + plain.length);
    }
  }

  /** undefined for a wrong tag. */
  open(
    key: Uint8Array,
    nonce: Uint8Array,
    sealed: Uint8Array,
    auth: Uint8Array,
  ): Uint8Array | undefined {
    const length = sealed.length - TAG_LENGTH;
    if (length < 0) return undefined;
    const { kernels, window } = this.#arena;
    const at = this.#copyIn(sealed, auth);
    try {
      const [n0, n1, n2] = this.#setKey(key, nonce);
      const { KEY, WINDOW } = kernels;
      const data = WINDOW.value + at;
      const right = kernels.open(KEY.value, n0, n1, n2, WINDOW.value, auth.length, data, length);
      return right === 1 ? window.slice(at, at + length) : undefined;
    } finally {
      this.#wipe(at + length);
    }
  }

  /** `auth` to the start of the window, `text` behind it, 16 bytes left for a tag. */
  #copyIn(text: Uint8Array, auth: Uint8Array): number {
    const { window } = this.#arena;
    const at = (auth.length + 15) & -16;
    if (at + text.length + TAG_LENGTH > window.length) {
      throw new RangeError(
        `text and "auth" expected at most ${window.length - 2 * TAG_LENGTH} bytes together, got ${text.length + auth.length}`,
      );
    }
    window.set(auth);
    window.set(text, at);
    return at;
  }

  /** Puts the key where it is taken from. Three words of nonce are left. */
  #setKey(key: Uint8Array, nonce: Uint8Array): [number, number, number] {
    checkLength('key', key, KEY_LENGTH);
    const { bytes, kernels } = this.#arena;
    bytes.set(key, kernels.KEY.value);
    const word = (at: number): number =>
      new DataView(nonce.buffer, nonce.byteOffset + at, 4).getUint32(0, true);
    if (nonce.length === NONCE_LENGTH) return [word(0), word(4), word(8)];
    if (nonce.length !== LONG_NONCE_LENGTH) {
      throw new RangeError(
        `"nonce" expected ${NONCE_LENGTH} or ${LONG_NONCE_LENGTH} bytes, got ${nonce.length}`,
      );
    }
    kernels.deriveSubkey(word(0), word(4), word(8), word(12));
    return [0, word(16), word(20)];
  }

  #wipe(length: number): void {
    const { bytes, kernels, window } = this.#arena;
    const { value: key } = kernels.KEY;
    wipe(bytes.subarray(key, key + KEY_LENGTH), window.subarray(0, length));
  }
}

const NONCE_LENGTH = 12;
const LONG_NONCE_LENGTH = 24;
