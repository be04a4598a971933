/**
 * ChaCha20-Poly1305 for transport data, out of OpenSSL's ChaCha20 and its Poly1305.
 *
 * OpenSSL's own AEAD interface costs half as much again for a full packet and twice for a short one:
 * setting and getting the tag are calls of their own, and its last step is a slow one. So RFC 8439
 * section 2.8 is put together here: block 0 of the stream is the one-time key of Poly1305, the data
 * begins with block 1.
 *
 * @module
 */
import { checkLength, checkText, KEY_LENGTH, type Cipher } from '@litz/core';
import { addressOf, allocate, type Region } from '../memory.ts';
import type { LibCrypto } from './libcrypto.ts';

/** What all ciphers of a thread share: the scratch memory and Poly1305. */
export class TransportCiphers {
  readonly #crypto: LibCrypto;
  readonly #chacha20: number;
  readonly #poly1305: number;
  readonly #scratch: Region = allocate(SCRATCH_LENGTH);
  readonly #words: Uint32Array = wordsOf(this.#scratch);
  readonly #views: Views = new Views();

  /** @throws {Error} this OpenSSL has no ChaCha20 or no Poly1305 */
  constructor(crypto: LibCrypto) {
    this.#crypto = crypto;
    this.#chacha20 = present(crypto.EVP_CIPHER_fetch(0, 'ChaCha20', null), 'ChaCha20');
    const poly1305 = present(crypto.EVP_MAC_fetch(0, 'POLY1305', null), 'POLY1305');
    this.#poly1305 = present(crypto.EVP_MAC_CTX_new(poly1305), 'a POLY1305 context');
  }

  /** @param key 32 bytes, copied into OpenSSL's memory */
  create(key: Uint8Array): Cipher {
    checkLength('key', key, KEY_LENGTH);
    const crypto = this.#crypto;
    const context = present(crypto.EVP_CIPHER_CTX_new(), 'a cipher context');
    const { bytes, address } = this.#scratch;
    bytes.set(key, BLOCK);
    const done = crypto.EVP_CipherInit_ex(context, this.#chacha20, 0, address + BLOCK, address, 1);
    bytes.fill(0, BLOCK, BLOCK + 32);
    if (done !== 1) throw new Error('OpenSSL refused a ChaCha20 key');
    return createCipher(crypto, context, this.#poly1305, {
      scratch: this.#scratch,
      words: this.#words,
      views: this.#views,
    });
  }
}

/**
 * Addresses are constants of a closure: a field of an object that holds a number over 31 bits is a
 * heap object, and passing it on makes another.
 */
function createCipher(
  crypto: LibCrypto,
  context: number,
  poly1305: number,
  { scratch: { address, bytes }, words, views }: Shared,
): Cipher {
  const { EVP_Cipher, EVP_EncryptInit_ex, EVP_MAC_init, EVP_MAC_update, EVP_MAC_final } = crypto;
  const [block, zeros, lengths, tag] = [BLOCK, ZEROS, LENGTHS, TAG].map((at) => address + at) as [
    number,
    number,
    number,
    number,
  ];

  let isDestroyed = false;

  function check(buffer: Uint8Array, offset: number, length: number): void {
    if (isDestroyed) throw new TypeError('the cipher was destroyed');
    checkText(buffer, offset, length);
  }

  /** Begins the stream of a counter and Poly1305 with its block 0; block 1 is next. */
  function begin(counter: number): void {
    words[2] = counter;
    words[3] = counter / 2 ** 32;
    const done =
      EVP_EncryptInit_ex(context, 0, 0, 0, address) === 1 &&
      EVP_Cipher(context, block, zeros, 64) === 64 &&
      EVP_MAC_init(poly1305, block, 32, 0) === 1;
    if (!done) throw new Error('OpenSSL failed to begin a message');
  }

  function crypt(data: number, length: number): void {
    if (length > 0 && EVP_Cipher(context, data, data, length) !== length) {
      throw new Error('ChaCha20 failed');
    }
  }

  /**
   * Poly1305 over the data, zeros to 16 bytes, and the lengths, in one update: a second, short one
   * would cost as much as all of a full packet. So zeros and lengths go behind the data for a moment,
   * where the tag will be and a few bytes more.
   */
  function authenticate(
    out: number,
    data: number,
    view: DataView,
    end: number,
    length: number,
  ): void {
    const padding = -length & 15;
    for (let i = 0; i < padding; i += 4) view.setInt32(end + i, 0);
    view.setInt32(end + padding, 0);
    view.setInt32(end + padding + 4, 0);
    view.setInt32(end + padding + 8, length, true);
    view.setInt32(end + padding + 12, 0);
    const done =
      EVP_MAC_update(poly1305, data, length + padding + 16) === 1 &&
      EVP_MAC_final(poly1305, out, 0, 16) === 1;
    if (!done) throw new Error('Poly1305 failed');
  }

  /** The same at the end of a buffer, where there is no room. */
  function authenticateInParts(out: number, data: number, length: number): void {
    const padding = -length & 15;
    words[LENGTHS / 4 + 2] = length;
    const done =
      EVP_MAC_update(poly1305, data, length) === 1 &&
      EVP_MAC_update(poly1305, lengths - padding, padding + 16) === 1 &&
      EVP_MAC_final(poly1305, out, 0, 16) === 1;
    if (!done) throw new Error('Poly1305 failed');
  }

  /** Keeps `count` bytes, rounded up to words. */
  function save(view: DataView, at: number, count: number): void {
    for (let i = 0; i < count; i += 4) words[(SAVED + i) >> 2] = view.getInt32(at + i, true);
  }

  function restore(view: DataView, at: number, count: number): void {
    for (let i = 0; i < count; i += 4) view.setInt32(at + i, words[(SAVED + i) >> 2]!, true);
  }

  return {
    seal(counter, buffer, offset, length) {
      check(buffer, offset, length);
      const data = addressOf(buffer) + offset;
      begin(counter);
      crypt(data, length);
      const behind = offset + length + 16;
      if (behind + 16 > buffer.length) return authenticateInParts(data + length, data, length);
      const view = views.of(buffer);
      const padding = -length & 15;
      save(view, behind, padding);
      authenticate(data + length, data, view, offset + length, length);
      restore(view, behind, padding);
    },

    open(counter, buffer, offset, length) {
      check(buffer, offset, length);
      const data = addressOf(buffer) + offset;
      const end = offset + length;
      const view = views.of(buffer);
      begin(counter);
      if (end + 32 > buffer.length) {
        save(view, end, 16);
        authenticateInParts(tag, data, length);
      } else {
        const padding = -length & 15;
        save(view, end, 16 + padding);
        authenticate(tag, data, view, end, length);
        restore(view, end, 16 + padding);
      }
      let difference = 0;
      for (let i = 0; i < 16; i += 4)
        difference |= words[(TAG + i) >> 2]! ^ words[(SAVED + i) >> 2]!;
      if (difference !== 0) return false;
      crypt(data, length);
      return true;
    },

    destroy() {
      if (isDestroyed) return;
      isDestroyed = true;
      crypto.EVP_CIPHER_CTX_free(context);
      // The one-time key of the last message.
      bytes.fill(0, BLOCK, BLOCK + 64);
    },
  };
}

interface Shared {
  readonly scratch: Region;
  /** Of the scratch memory. */
  readonly words: Uint32Array;
  readonly views: Views;
}

function wordsOf({ bytes }: Region): Uint32Array {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, SCRATCH_LENGTH / 4);
}

/** DataViews of buffers that are used again and again. */
class Views {
  #buffer: Uint8Array | undefined = undefined;
  #view: DataView = new DataView(new ArrayBuffer(0));

  of(buffer: Uint8Array): DataView {
    if (buffer !== this.#buffer) {
      this.#buffer = buffer;
      this.#view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
    }
    return this.#view;
  }
}

function present(pointer: number, what: string): number {
  if (pointer === 0) throw new Error(`this OpenSSL has no ${what}`);
  return pointer;
}

// Scratch memory:
// u32 block counter (0) | u32 zero | u64 message counter | ... | zeros and lengths | tag | saved bytes
const BLOCK = 64;
const ZEROS = 128;
/** 16 bytes behind at least 15 zeros: padding ends where the lengths begin. */
const LENGTHS = 208;
const TAG = 224;
const SAVED = 240;
const SCRATCH_LENGTH = 272;
