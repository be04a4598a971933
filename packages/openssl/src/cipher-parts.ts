/**
 * `Parts`: the parts of OpenSSL with which a thread seals and opens transport data. See
 * transport-cipher.ts.
 *
 * @module
 */
import type { Cipher, OneTimeKeys } from '@litz/core';
import { addressOf, allocate, type Region } from '@litz/sys';
import { createChacha20, type Chacha20, type StreamKey } from './chacha20.ts';
import type { LibCrypto } from './libcrypto.ts';
import { createTransportTag, type TransportTag } from './transport-tag.ts';
import { copyKey, wordsOf } from './words.ts';

/** The parts that seal, open and sealRun share. */
export interface Parts {
  readonly chacha20: Chacha20;
  readonly tag: TransportTag;
  /** A block that begins with the one-time key, followed by a block of zeros. */
  readonly oneTimeKey: Region;
  readonly views: Views;
  /**
   * Begins the tag. If `oneTimeKeys` is undefined, this also begins the stream and uses its block
   * 0. The next call of `chacha20.crypt` then continues with block 1.
   */
  readonly beginTag: (
    key: StreamKey,
    counter: number,
    oneTimeKeys: OneTimeKeys | undefined,
  ) => void;
}

/** Makes the parts. Their addresses are constants of closures; `createTransportTag` says why. */
export function createParts(crypto: LibCrypto): Parts {
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

/**
 * Decrypts a text that has its tag behind it. The caller has checked the arguments. Returns whether
 * the tag is right.
 */
export type Open = (
  key: StreamKey,
  oneTimeKeys: OneTimeKeys | undefined,
  ...text: Parameters<Cipher['open']>
) => boolean;

/** Makes the function that opens messages with these parts. */
export function createOpen({ chacha20, tag, views, beginTag }: Parts): Open {
  // oxlint-disable-next-line max-params -- called per packet: an object would be garbage
  return (key, oneTimeKeys, counter, buffer, offset, length) => {
    const data = addressOf(buffer) + offset;
    const end = offset + length;
    const reach = reachOf(length);
    const hasSpace = end + reach <= buffer.length;
    const view = views.of(buffer);
    beginTag(key, counter, oneTimeKeys);
    tag.save(view, end, hasSpace ? reach : 16);
    if (hasSpace) tag.finish(view, end, data, length);
    else tag.finishInParts(data, length);
    const isRight = tag.isSaved();
    if (isRight && length > 0) {
      if (oneTimeKeys) chacha20.begin(key, counter, 1);
      chacha20.crypt(key, data, data, hasSpace ? wholeBlocks(length) : length);
    }
    if (hasSpace) tag.restore(view, end, reach);
    return isRight;
  };
}

/**
 * Like `createOpen`, but for a message that has another message behind it, on which another thread
 * may work. So nothing behind the tag is written, not even for a moment. Bytes behind the tag may
 * be read, but they are not used. A text of at most `longest` bytes is decrypted in whole blocks,
 * into a copy. A longer text is decrypted in place, which takes more time.
 */
export function createBoundedOpen(
  { chacha20, tag, views, beginTag }: Parts,
  longest: number,
): Open {
  const { bytes, address } = allocate(wholeBlocks(longest));
  let text = bytes;
  // oxlint-disable-next-line max-params -- called per packet: an object would be garbage
  return (key, oneTimeKeys, counter, buffer, offset, length) => {
    const data = addressOf(buffer) + offset;
    const end = offset + length;
    const view = views.of(buffer);
    const whole = wholeBlocks(length);
    beginTag(key, counter, oneTimeKeys);
    tag.save(view, end, 16);
    tag.finishInParts(data, length);
    if (!tag.isSaved()) return false;
    if (oneTimeKeys) chacha20.begin(key, counter, 1);
    // A partial block costs a quarter of the time of a full packet, which is more than the copy
    // costs.
    if (whole <= bytes.length && offset + whole <= buffer.length) {
      chacha20.crypt(key, address, data, whole);
      if (text.length !== length) text = bytes.subarray(0, length);
      buffer.set(text, offset);
    } else {
      chacha20.crypt(key, data, data, length);
    }
    return true;
  };
}

/**
 * Returns how many bytes behind a text are overwritten for a moment, a multiple of 4. They hold
 * zeros and lengths for Poly1305, or the rest of the last block.
 */
export function reachOf(length: number): number {
  return (Math.max(-length & 63, (-length & 15) + 16) + 3) & -4;
}

/**
 * Rounds up to whole blocks. OpenSSL processes a partial block separately, which costs a quarter of
 * the time of a full packet.
 */
export function wholeBlocks(length: number): number {
  return (length + 63) & -BLOCK_LENGTH;
}

/** Caches the DataView of a buffer that is used again and again. */
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

/** Bytes of a block of ChaCha20. */
export const BLOCK_LENGTH = 64;
