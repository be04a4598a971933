/**
 * `TransportCiphers`: ChaCha20-Poly1305 for transport data, made of OpenSSL's ChaCha20 and
 * Poly1305.
 *
 * OpenSSL's own AEAD interface takes 1.5 times as long as this file for a full packet, and twice as
 * long for a short packet. In that interface, setting and getting the tag are separate calls, and
 * the last step is slow. So RFC 8439 section 2.8 is implemented here: block 0 of the stream begins
 * with the one-time key of Poly1305, and the data is encrypted from block 1 on. For a single
 * message, block 0 takes a separate call, unless the one-time key is given. In a run of messages
 * there is space in front of each text, so block 0 is computed together with the text.
 *
 * @module
 */
import type { Cipher, OneTimeKeys } from '@litz/core';
import { checkLength, checkText, KEY_LENGTH, secretCopy, wipe } from '@litz/core/internals';
import { addressOf } from '@litz/sys';
import type { Chacha20, StreamKey } from './chacha20.ts';
import {
  BLOCK_LENGTH,
  createOpen,
  createParts,
  reachOf,
  wholeBlocks,
  type Open,
  type Parts,
} from './cipher-parts.ts';
import type { LibCrypto } from './libcrypto.ts';
import { OPENED, UNKNOWN, type CipherThreads, type SharedKey } from './threads/cipher-threads.ts';

/** Makes the ciphers of one thread. They share scratch memory and one Poly1305 context. */
export class TransportCiphers {
  readonly #parts: Parts;
  readonly #seal: Seal;
  readonly #open: Open;
  readonly #sealRun: SealRun;
  readonly #threads: CipherThreads | undefined;

  /**
   * @param threads that help the calling thread to seal and open; default: none
   * @throws {Error} this OpenSSL has no ChaCha20 or no Poly1305
   */
  constructor(crypto: LibCrypto, threads?: CipherThreads) {
    this.#parts = createParts(crypto);
    this.#threads = threads;
    threads?.useParts(this.#parts);
    this.#seal = createSeal(this.#parts);
    this.#open = createOpen(this.#parts);
    this.#sealRun = createSealRun(this.#parts);
  }

  /**
   * Makes a cipher.
   *
   * @param key 32 bytes, copied
   * @param oneTimeKeys the one-time keys of the messages of this key, if another cipher computes
   *   them
   */
  create(key: Uint8Array, oneTimeKeys?: OneTimeKeys): Cipher {
    checkLength('key', key, KEY_LENGTH);
    const { chacha20, oneTimeKey } = this.#parts;
    const [seal, open, sealRun] = [this.#seal, this.#open, this.#sealRun];
    const streamKey = chacha20.createKey(key);
    // If another cipher computes the one-time keys, it has the key too, and its `readKey` returns
    // the key. Then this cipher needs no copy of the key.
    const kept = oneTimeKeys ? undefined : secretCopy(key);
    const threads = this.#threads;
    const shared = threads && { own: streamKey, others: keysFor(threads, chacha20, key) };
    let isDestroyed = false;

    function check(buffer: Uint8Array, offset: number, length: number): void {
      if (isDestroyed) throw new TypeError('the cipher was destroyed');
      checkText(buffer, offset, length);
    }

    return {
      seal(counter, buffer, offset, length) {
        check(buffer, offset, length);
        seal(streamKey, oneTimeKeys, counter, buffer, offset, length);
      },

      open(counter, buffer, offset, length) {
        check(buffer, offset, length);
        const opened = threads?.takeOpened(counter, buffer, offset, length) ?? UNKNOWN;
        if (opened !== UNKNOWN) return opened === OPENED;
        return open(streamKey, oneTimeKeys, counter, buffer, offset, length);
      },

      // oxlint-disable-next-line max-params -- called per packet: an object would be garbage
      sealRun(counter, buffer, offset, length, stride, count) {
        check(buffer, offset, length);
        checkRun(buffer, offset, length, stride, count);
        sealRun(streamKey, counter, buffer, offset, length, stride, count);
      },

      ...(kept && {
        readKey(out: Uint8Array) {
          if (isDestroyed) throw new TypeError('the cipher was destroyed');
          out.set(kept);
        },
      }),
      ...(threads && shared && laterOf(threads, shared, check)),

      destroy() {
        if (isDestroyed) return;
        isDestroyed = true;
        wipe(kept);
        threads?.finish();
        for (const other of shared?.others ?? []) chacha20.destroyKey(other);
        chacha20.destroyKey(streamKey);
        // Wipes the one-time key of the last message.
        oneTimeKey.bytes.fill(0);
      },
    };
  }
}

/** Makes a context for each of the other threads. The contexts are destroyed with the cipher. */
function keysFor(threads: CipherThreads, chacha20: Chacha20, key: Uint8Array): Float64Array {
  return Float64Array.from({ length: threads.most - 1 }, () => chacha20.createKey(key));
}

/** Returns the functions with which a cipher gives work to other threads. */
function laterOf(
  threads: CipherThreads,
  shared: SharedKey,
  check: (buffer: Uint8Array, offset: number, length: number) => void,
): Pick<Cipher, 'sealRunLater' | 'openLater'> {
  return {
    sealRunLater: createSealRunLater(threads, shared, check),
    openLater(counter, buffer, offset, length) {
      check(buffer, offset, length);
      threads.publishOpening(shared, counter, buffer, offset, length);
    },
  };
}

function createSealRunLater(
  threads: CipherThreads,
  key: SharedKey,
  check: (buffer: Uint8Array, offset: number, length: number) => void,
): NonNullable<Cipher['sealRunLater']> {
  // oxlint-disable-next-line max-params -- the signature of `Cipher.sealRunLater`
  return (counter, buffer, offset, length, stride, count, receiver) => {
    if (!threads.accepts(buffer, count)) return false;
    // A text is encrypted in whole blocks, so its last block may reach beyond its tag. It must end
    // before block 0 of the next message, to which another thread may write. It does if offset and
    // stride are multiples of the length of a block.
    if (offset % BLOCK_LENGTH !== 0 || stride % BLOCK_LENGTH !== 0) return false;
    check(buffer, offset, length);
    checkRun(buffer, offset, length, stride, count);
    threads.publish(key, counter, offset, length, stride, count, receiver);
    return true;
  };
}

/** Encrypts a text, and writes its tag behind it. The caller has checked the arguments. */
type Seal = (
  key: StreamKey,
  oneTimeKeys: OneTimeKeys | undefined,
  ...text: Parameters<Cipher['seal']>
) => void;

function createSeal({ chacha20, tag, views, beginTag }: Parts): Seal {
  // oxlint-disable-next-line max-params -- called per packet: an object would be garbage
  return (key, oneTimeKeys, counter, buffer, offset, length) => {
    const data = addressOf(buffer) + offset;
    const end = offset + length;
    const reach = reachOf(length);
    const hasSpace = end + reach <= buffer.length;
    const view = views.of(buffer);
    beginTag(key, counter, oneTimeKeys);
    if (oneTimeKeys) chacha20.begin(key, counter, 1);
    if (hasSpace) tag.save(view, end + 16, reach - 16);
    if (length > 0) chacha20.crypt(key, data, data, hasSpace ? wholeBlocks(length) : length);
    if (hasSpace) tag.finish(view, end, data, length);
    else tag.finishInParts(data, length);
    tag.copyTo(view, end);
    if (hasSpace) tag.restore(view, end + 16, reach - 16);
  };
}

/**
 * Encrypts several texts, and writes the tag of each behind it. The caller has checked the
 * arguments.
 */
type SealRun = (key: StreamKey, ...texts: Parameters<NonNullable<Cipher['sealRun']>>) => void;

function createSealRun({ chacha20, tag, views }: Parts): SealRun {
  const addresses = new Addresses();
  // oxlint-disable-next-line max-params -- called per packet: an object would be garbage
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
      // There is one try block around the whole run, so it costs nothing per packet.
      clearKey(view, offset + i * stride - BLOCK_LENGTH);
      throw error;
    }
  };
}

/**
 * Checks the arguments of a run. Lengths and counts must be whole numbers. If `count` were 2.5, a
 * third text would be encrypted beyond the last address that is checked here.
 *
 * @throws {RangeError} the bytes that a run needs in front of each text and behind it are outside
 *   the buffer, or overlap the next message
 */
function checkRun(
  buffer: Uint8Array,
  offset: number,
  length: number,
  stride: number,
  count: number,
): void {
  const last = offset + (count - 1) * stride;
  const fits =
    Number.isInteger(count) &&
    Number.isInteger(stride) &&
    count >= 1 &&
    offset >= BLOCK_LENGTH &&
    stride >= length + 16 + BLOCK_LENGTH &&
    last + length + BLOCK_LENGTH <= buffer.length;
  if (!fits)
    throw new RangeError(
      '"stride" and "count": the messages overlap, or do not fit into the buffer',
    );
}

function clearKey(view: DataView, at: number): void {
  for (let i = 0; i < KEY_LENGTH; i += 4) view.setInt32(at + i, 0);
}

/**
 * Caches addresses that are used again and again. V8 allocates an object for a number of more than
 * 31 bits when it is passed to a function. One object per packet would be garbage, so the object
 * for each offset is kept. A device's slab is 256 KiB long. Within this length, offsets that are at
 * least 64 bytes apart have different slots.
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
