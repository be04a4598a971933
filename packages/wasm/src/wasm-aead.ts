/**
 * `WasmAead`: Aead and Xaead of the WireGuard paper (section 5.4), for handshakes and cookie
 * replies. The key is given with each message.
 *
 * @module
 */
import { checkLength, KEY_LENGTH, TAG_LENGTH } from '@litz/core/internals';
import type { Kernels } from './kernels.ts';
import type { WasmArena } from './wasm-arena.ts';

export class WasmAead {
  readonly #kernels: Kernels;
  readonly #bytes: Uint8Array;
  readonly #window: Uint8Array;
  /**
   * Address of the key. It is stored here, because reading it from the module is a call each time.
   */
  readonly #keyAt: number;

  constructor({ kernels, bytes, window }: WasmArena) {
    this.#kernels = kernels;
    this.#bytes = bytes;
    this.#window = window;
    this.#keyAt = kernels.KEY.value;
  }

  /**
   * Returns the ciphertext with its tag.
   *
   * @param nonce a counter as in section 5.4.6; or 12 bytes; or 24 bytes for XChaCha20-Poly1305
   */
  seal(
    key: Uint8Array,
    nonce: number | Uint8Array,
    plain: Uint8Array,
    auth: Uint8Array,
  ): Uint8Array {
    const window = this.#window;
    const at = this.#copyIn(plain, auth);
    try {
      this.#setKey(key, nonce);
      const [n0, n1, n2] = [wordOf(nonce, 0), wordOf(nonce, 1), wordOf(nonce, 2)];
      const { byteOffset } = window;
      const data = byteOffset + at;
      this.#kernels.seal(this.#keyAt, n0, n1, n2, byteOffset, auth.length, data, plain.length);
      return window.slice(at, at + plain.length + TAG_LENGTH);
    } finally {
      this.#wipe(at + plain.length);
    }
  }

  /** Returns the plaintext; undefined if the tag is wrong. */
  open(
    key: Uint8Array,
    nonce: number | Uint8Array,
    sealed: Uint8Array,
    auth: Uint8Array,
  ): Uint8Array | undefined {
    const length = sealed.length - TAG_LENGTH;
    if (length < 0) return undefined;
    const window = this.#window;
    const at = this.#copyIn(sealed, auth);
    try {
      this.#setKey(key, nonce);
      const [n0, n1, n2] = [wordOf(nonce, 0), wordOf(nonce, 1), wordOf(nonce, 2)];
      const { byteOffset } = window;
      const data = byteOffset + at;
      const { open } = this.#kernels;
      const right = open(this.#keyAt, n0, n1, n2, byteOffset, auth.length, data, length);
      return right === 1 ? window.slice(at, at + length) : undefined;
    } finally {
      this.#wipe(at + length);
    }
  }

  /**
   * Copies `auth` to the start of the window and `text` after it. Returns the offset of `text`. 16
   * bytes stay free for a tag.
   */
  #copyIn(text: Uint8Array, auth: Uint8Array): number {
    const window = this.#window;
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

  /**
   * Writes the key to its address. For a nonce of 24 bytes, replaces the key by another key, which
   * is derived from the key and the first 16 bytes of the nonce.
   */
  #setKey(key: Uint8Array, nonce: number | Uint8Array): void {
    checkLength('key', key, KEY_LENGTH);
    this.#bytes.set(key, this.#keyAt);
    if (typeof nonce === 'number' || nonce.length === NONCE_LENGTH) return;
    if (nonce.length !== LONG_NONCE_LENGTH) {
      throw new RangeError(
        `"nonce" expected ${NONCE_LENGTH} or ${LONG_NONCE_LENGTH} bytes, got ${nonce.length}`,
      );
    }
    const { deriveSubkey } = this.#kernels;
    deriveSubkey(word(nonce, 0), word(nonce, 4), word(nonce, 8), word(nonce, 12));
  }

  #wipe(length: number): void {
    this.#bytes.fill(0, this.#keyAt, this.#keyAt + KEY_LENGTH);
    this.#window.fill(0, 0, length);
  }
}

/**
 * Returns one of the three words of the nonce. The number may be longer than 32 bits, because
 * WebAssembly takes an i32 argument modulo 2^32.
 */
function wordOf(nonce: number | Uint8Array, index: 0 | 1 | 2): number {
  if (typeof nonce === 'number') return index === 0 ? 0 : index === 1 ? nonce : nonce / 2 ** 32;
  if (nonce.length === NONCE_LENGTH) return word(nonce, 4 * index);
  return index === 0 ? 0 : word(nonce, 12 + 4 * index);
}

/** Returns a little-endian word. The number may be negative; only its 32 bits matter. */
function word(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}

const NONCE_LENGTH = 12;
const LONG_NONCE_LENGTH = 24;
