/**
 * ChaCha20-Poly1305 for transport data, out of OpenSSL's ChaCha20 and its Poly1305.
 *
 * OpenSSL's own AEAD interface costs half as much again for a full packet and twice for a short one:
 * setting and getting the tag are calls of their own, and its last step is a slow one. So RFC 8439
 * section 2.8 is put together here: block 0 of the stream is the one-time key of Poly1305, the data
 * begins with block 1. For a single message block 0 takes a call of its own, unless somebody else makes
 * the key; in a run, which has room in front of each text, it comes along with the text.
 *
 * @module
 */
import type { Cipher, OneTimeKeys } from '@litz/core';
import { checkLength, checkText, KEY_LENGTH } from '@litz/core/internals';
import { addressOf, allocate, type Region } from '@litz/sys';
import { createChacha20, type Chacha20, type StreamKey } from './chacha20.ts';
import type { LibCrypto } from './libcrypto.ts';
import { createTransportTag, type TransportTag } from './transport-tag.ts';
import { copyKey, wordsOf } from './words.ts';

/** Those of a thread share their scratch memory and Poly1305. */
export class TransportCiphers {
  readonly #parts: Parts;
  readonly #seal: Seal;
  readonly #open: Open;
  readonly #sealRun: SealRun;

  /** @throws {Error} this OpenSSL has no ChaCha20 or no Poly1305 */
  constructor(crypto: LibCrypto) {
    this.#parts = createParts(crypto);
    this.#seal = createSeal(this.#parts);
    this.#open = createOpen(this.#parts);
    this.#sealRun = createSealRun(this.#parts);
  }

  /**
   * @param key 32 bytes, copied
   * @param oneTimeKeys of the same key
   */
  create(key: Uint8Array, oneTimeKeys?: OneTimeKeys): Cipher {
    checkLength('key', key, KEY_LENGTH);
    const { chacha20, oneTimeKey } = this.#parts;
    const [seal, open, sealRun] = [this.#seal, this.#open, this.#sealRun];
    const kept = chacha20.createKey(key);
    let isDestroyed = false;

    function check(buffer: Uint8Array, offset: number, length: number): void {
      if (isDestroyed) throw new TypeError('the cipher was destroyed');
      checkText(buffer, offset, length);
    }

    return {
      seal(counter, buffer, offset, length) {
        check(buffer, offset, length);
        seal(kept, oneTimeKeys, counter, buffer, offset, length);
      },

      open(counter, buffer, offset, length) {
        check(buffer, offset, length);
        return open(kept, oneTimeKeys, counter, buffer, offset, length);
      },

      sealRun(counter, buffer, offset, length, stride, count) {
        check(buffer, offset, length);
        checkRun(buffer, offset, length, stride, count);
        sealRun(kept, counter, buffer, offset, length, stride, count);
      },

      destroy() {
        if (isDestroyed) return;
        isDestroyed = true;
        chacha20.destroyKey(kept);
        // That of the last message.
        oneTimeKey.bytes.fill(0);
      },
    };
  }
}

/** What the three ways of a text have in common. */
interface Parts {
  readonly chacha20: Chacha20;
  readonly tag: TransportTag;
  /** The block that begins with it, and one of zeros. */
  readonly oneTimeKey: Region;
  readonly views: Views;
  /** Begins the tag; the stream goes on with block 1, if it was asked for the one-time key. */
  readonly beginTag: (
    key: StreamKey,
    counter: number,
    oneTimeKeys: OneTimeKeys | undefined,
  ) => void;
}

/** Addresses are constants of closures, as in `createTransportTag`. */
function createParts(crypto: LibCrypto): Parts {
  const chacha20 = createChacha20(crypto);
  const tag = createTransportTag(crypto);
  const oneTimeKey = allocate(2 * BLOCK_LENGTH);
  const { bytes, address } = oneTimeKey;
  const zeros = address + BLOCK_LENGTH;
  const words = wordsOf(bytes);
  return {
    chacha20,
    tag,
    oneTimeKey,
    views: new Views(),

    beginTag(key, counter, oneTimeKeys) {
      if (oneTimeKeys) {
        copyKey(words, oneTimeKeys.words, oneTimeKeys.locate(counter));
      } else {
        chacha20.begin(key, counter, 0);
        chacha20.crypt(key, address, zeros, BLOCK_LENGTH);
      }
      tag.begin(address);
    },
  };
}

/** Of a text that was checked; its tag behind it. */
type Seal = (
  key: StreamKey,
  oneTimeKeys: OneTimeKeys | undefined,
  ...text: Parameters<Cipher['seal']>
) => void;

function createSeal({ chacha20, tag, views, beginTag }: Parts): Seal {
  return (key, oneTimeKeys, counter, buffer, offset, length) => {
    const data = addressOf(buffer) + offset;
    const end = offset + length;
    const reach = reachOf(length);
    const isRoomy = end + reach <= buffer.length;
    const view = views.of(buffer);
    beginTag(key, counter, oneTimeKeys);
    if (oneTimeKeys) chacha20.begin(key, counter, 1);
    if (isRoomy) tag.save(view, end + 16, reach - 16);
    if (length > 0) chacha20.crypt(key, data, data, isRoomy ? wholeBlocks(length) : length);
    if (isRoomy) tag.finish(view, end, data, length);
    else tag.finishInParts(data, length);
    tag.copyTo(view, end);
    if (isRoomy) tag.restore(view, end + 16, reach - 16);
  };
}

/** Of a text that was checked, with its tag behind it. @returns whether that is right */
type Open = (...args: Parameters<Seal>) => boolean;

function createOpen({ chacha20, tag, views, beginTag }: Parts): Open {
  return (key, oneTimeKeys, counter, buffer, offset, length) => {
    const data = addressOf(buffer) + offset;
    const end = offset + length;
    const reach = reachOf(length);
    const isRoomy = end + reach <= buffer.length;
    const view = views.of(buffer);
    beginTag(key, counter, oneTimeKeys);
    tag.save(view, end, isRoomy ? reach : 16);
    if (isRoomy) tag.finish(view, end, data, length);
    else tag.finishInParts(data, length);
    const isRight = tag.isSaved();
    if (isRight && length > 0) {
      if (oneTimeKeys) chacha20.begin(key, counter, 1);
      chacha20.crypt(key, data, data, isRoomy ? wholeBlocks(length) : length);
    }
    if (isRoomy) tag.restore(view, end, reach);
    return isRight;
  };
}

/** Of texts that were checked. */
type SealRun = (key: StreamKey, ...texts: Parameters<NonNullable<Cipher['sealRun']>>) => void;

function createSealRun({ chacha20, tag, views }: Parts): SealRun {
  const addresses = new Addresses();
  return (key, counter, buffer, offset, length, stride, count) => {
    const base = addressOf(buffer);
    const view = views.of(buffer);
    const whole = BLOCK_LENGTH + wholeBlocks(length);
    let i = 0;
    try {
      for (; i < count; i++) {
        const at = offset + i * stride;
        const front = addresses.of(base, at - BLOCK_LENGTH);
        clearKey(view, at - BLOCK_LENGTH);
        chacha20.begin(key, counter + i, 0);
        chacha20.crypt(key, front, front, whole);
        tag.begin(front);
        tag.finish(view, at + length, addresses.of(base, at), length);
        tag.copyTo(view, at + length);
        clearKey(view, at - BLOCK_LENGTH);
      }
    } catch (error) {
      // Around the whole run, which costs a packet nothing.
      clearKey(view, offset + i * stride - BLOCK_LENGTH);
      throw error;
    }
  };
}

/**
 * How far behind a text is written for a moment, in whole words: zeros and lengths for Poly1305, and
 * the rest of the last block.
 */
function reachOf(length: number): number {
  return (Math.max(-length & 63, (-length & 15) + 16) + 3) & -4;
}

/** Part of a block costs OpenSSL a quarter of a full packet's time: it makes that block by itself. */
function wholeBlocks(length: number): number {
  return (length + 63) & -BLOCK_LENGTH;
}

/**
 * In whole texts and whole bytes: half a text more would be sealed past the last address that is looked
 * at here.
 *
 * @throws {RangeError} what a run takes in front of each text and behind it is not within the buffer, or
 *   reaches into the next text's message
 */
function checkRun(
  buffer: Uint8Array,
  offset: number,
  length: number,
  stride: number,
  count: number,
): void {
  const last = offset + (count - 1) * stride;
  const hasRoom =
    Number.isInteger(count) &&
    Number.isInteger(stride) &&
    count >= 1 &&
    offset >= BLOCK_LENGTH &&
    stride >= length + 16 + BLOCK_LENGTH &&
    last + length + BLOCK_LENGTH <= buffer.length;
  if (!hasRoom) throw new RangeError('"stride" and "count" expected places with room');
}

function clearKey(view: DataView, at: number): void {
  for (let i = 0; i < KEY_LENGTH; i += 4) view.setInt32(at + i, 0);
}

/**
 * Addresses that are used again and again. A number over 31 bits that is passed on is an object: made
 * anew for each packet it would be garbage, so it is kept by its offset. Offsets 64 bytes apart have
 * slots of their own over 256 KiB, the length of a device's slab.
 */
class Addresses {
  #base = 0;
  readonly #keys = new Int32Array(ADDRESSES).fill(-1);
  readonly #boxed: (number | undefined)[] = Array.from({ length: ADDRESSES });

  of(base: number, offset: number): number {
    if (base !== this.#base) {
      this.#base = base;
      this.#keys.fill(-1);
    }
    const slot = (offset >> 6) & (ADDRESSES - 1);
    const found = this.#boxed[slot];
    if (this.#keys[slot] === offset && found !== undefined) return found;
    this.#keys[slot] = offset;
    const address = base + offset;
    this.#boxed[slot] = address;
    return address;
  }
}

const ADDRESSES = 4096;

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

const BLOCK_LENGTH = 64;
