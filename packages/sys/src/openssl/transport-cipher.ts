/**
 * ChaCha20-Poly1305 for transport data, out of OpenSSL's ChaCha20 and its Poly1305.
 *
 * OpenSSL's own AEAD interface costs half as much again for a full packet and twice for a short one:
 * setting and getting the tag are calls of their own, and its last step is a slow one. So RFC 8439
 * section 2.8 is put together here: block 0 of the stream is the one-time key of Poly1305, the data
 * begins with block 1. Block 0 takes a call of its own, unless somebody else has made the key.
 *
 * @module
 */
import { checkLength, checkText, KEY_LENGTH, type Cipher, type OneTimeKeys } from '@litz/core';
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

  /**
   * @param key 32 bytes, copied into OpenSSL's memory
   * @param oneTimeKeys of the same key
   */
  create(key: Uint8Array, oneTimeKeys?: OneTimeKeys): Cipher {
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
      oneTimeKeys,
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
  { scratch: { address, bytes }, words, views, oneTimeKeys }: Shared,
): Cipher {
  const { EVP_Cipher, EVP_EncryptInit, EVP_MAC_init, EVP_MAC_update, EVP_MAC_final } = crypto;
  const [block, zeros, lengths, tag] = [BLOCK, ZEROS, LENGTHS, TAG].map((at) => address + at) as [
    number,
    number,
    number,
    number,
  ];
  const oneTimeKeysAt = oneTimeKeys ? addressOf(oneTimeKeys.memory) : 0;

  let isDestroyed = false;

  function check(buffer: Uint8Array, offset: number, length: number): void {
    if (isDestroyed) throw new TypeError('the cipher was destroyed');
    checkText(buffer, offset, length);
  }

  /** Begins the stream of a counter with one of its blocks. */
  function beginStream(counter: number, firstBlock: 0 | 1): void {
    words[0] = firstBlock;
    words[2] = counter;
    words[3] = counter / 2 ** 32;
    if (EVP_EncryptInit(context, 0, 0, address) !== 1) throw new Error('ChaCha20 failed to begin');
  }

  /** Begins Poly1305 with the one-time key of a counter. */
  function beginTag(counter: number): void {
    let key = block;
    if (oneTimeKeys) {
      key = oneTimeKeysAt + oneTimeKeys.locate(counter);
    } else {
      beginStream(counter, 0);
      if (EVP_Cipher(context, block, zeros, 64) !== 64) throw new Error('ChaCha20 failed');
    }
    if (EVP_MAC_init(poly1305, key, 32, 0) !== 1) throw new Error('Poly1305 failed to begin');
  }

  /** Encrypts or decrypts what `beginTag` was called for. */
  function crypt(counter: number, data: number, length: number): void {
    if (length === 0) return;
    // Otherwise it stands at block 1 already.
    if (oneTimeKeys) beginStream(counter, 1);
    if (EVP_Cipher(context, data, data, length) !== length) throw new Error('ChaCha20 failed');
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

  /** Whether the first 16 of the saved bytes are the tag; compares in constant time. */
  function isTagSaved(): boolean {
    let difference = 0;
    for (let i = 0; i < 16; i += 4) difference |= words[(TAG + i) >> 2]! ^ words[(SAVED + i) >> 2]!;
    return difference === 0;
  }

  return {
    seal(counter, buffer, offset, length) {
      check(buffer, offset, length);
      const data = addressOf(buffer) + offset;
      beginTag(counter);
      const end = offset + length;
      const reach = reachOf(length);
      if (end + reach > buffer.length) {
        crypt(counter, data, length);
        return authenticateInParts(data + length, data, length);
      }
      const view = views.of(buffer);
      save(view, end + 16, reach - 16);
      crypt(counter, data, wholeBlocks(length));
      authenticate(data + length, data, view, end, length);
      restore(view, end + 16, reach - 16);
    },

    open(counter, buffer, offset, length) {
      check(buffer, offset, length);
      const data = addressOf(buffer) + offset;
      const end = offset + length;
      const reach = reachOf(length);
      const isRoomy = end + reach <= buffer.length;
      const view = views.of(buffer);
      beginTag(counter);
      save(view, end, isRoomy ? reach : 16);
      if (isRoomy) authenticate(tag, data, view, end, length);
      else authenticateInParts(tag, data, length);
      const isRight = isTagSaved();
      if (isRight) crypt(counter, data, isRoomy ? wholeBlocks(length) : length);
      if (isRoomy) restore(view, end, reach);
      return isRight;
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
  readonly oneTimeKeys: OneTimeKeys | undefined;
}

/**
 * How far behind a text is written for a moment, in whole words: padding and lengths for Poly1305, and
 * the rest of the last block.
 */
function reachOf(length: number): number {
  return (Math.max(-length & 63, (-length & 15) + 16) + 3) & -4;
}

/** Part of a block costs OpenSSL a quarter of a full packet's time: it makes that block by itself. */
function wholeBlocks(length: number): number {
  return (length + 63) & -64;
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
// u32 block counter | u32 zero | u64 message counter | ... | zeros and lengths | tag | saved bytes
const BLOCK = 64;
const ZEROS = 128;
/** 16 bytes behind at least 15 zeros: padding ends where the lengths begin. */
const LENGTHS = 208;
const TAG = 224;
const SAVED = 240;
const SCRATCH_LENGTH = 304;
