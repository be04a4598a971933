/**
 * `TransportTag`: Poly1305 tags of transport data, as in ChaCha20-Poly1305 (RFC 8439 section 2.8),
 * with OpenSSL.
 *
 * The authenticated bytes end with zeros up to a multiple of 16, and with the lengths. A separate
 * call of `EVP_MAC_update` for the zeros and lengths takes as much time as the call for a full
 * packet. So they are written behind the text for a moment, over the tag and a few more bytes,
 * which the caller keeps with `save` and `restore`.
 *
 * @module
 */
import { allocate } from '@litz/sys';
import type { LibCrypto } from './libcrypto.ts';
import { requirePointer } from './require-pointer.ts';
import { wordsOf } from './words.ts';

/** Makes tags for all ciphers of a thread. Each tag must be finished before the next tag begins. */
export interface TransportTag {
  /** Begins a tag with the one-time key at the address `key`. */
  begin(key: number): void;
  /** Computes the tag of the text at the address `data`. In `view` the text ends at `end`. */
  finish(view: DataView, end: number, data: number, length: number): void;
  /** Computes the tag of a text that does not have enough space behind it. */
  finishInParts(data: number, length: number): void;
  /** Writes the tag that was computed last. */
  copyTo(view: DataView, at: number): void;
  /** Whether the tag equals the first 16 saved bytes. Compares in constant time. */
  isSaved(): boolean;
  /** Saves up to 64 bytes; `count` is rounded up to whole words. */
  save(view: DataView, at: number, count: number): void;
  restore(view: DataView, at: number, count: number): void;
}

/**
 * Makes the functions for a thread. Addresses are constants of a closure, not fields of an object.
 * In a field, V8 stores a number of more than 31 bits as a heap object, and allocates another
 * object when the number is passed to a function.
 *
 * @throws {Error} this OpenSSL has no Poly1305
 */
// oxlint-disable-next-line max-lines-per-function -- one closure has the addresses as constants
export function createTransportTag(crypto: LibCrypto): TransportTag {
  const { EVP_MAC_init, EVP_MAC_update, EVP_MAC_final } = crypto;
  const poly1305 = requirePointer(crypto.EVP_MAC_fetch(0, 'POLY1305', null), 'POLY1305');
  const context = requirePointer(crypto.EVP_MAC_CTX_new(poly1305), 'POLY1305');
  const tail = allocate(TAIL_LENGTH);
  const [lengths, tag] = [tail.address + LENGTHS, tail.address + TAG];
  const words = wordsOf(tail.bytes);

  return {
    begin(key) {
      if (EVP_MAC_init(context, key, 32, 0) !== 1) throw new Error('Poly1305 failed');
    },

    finish(view, end, data, length) {
      const padding = -length & 15;
      for (let i = 0; i < padding; i += 4) view.setInt32(end + i, 0);
      view.setInt32(end + padding, 0);
      view.setInt32(end + padding + 4, 0);
      view.setInt32(end + padding + 8, length, true);
      view.setInt32(end + padding + 12, 0);
      const done =
        EVP_MAC_update(context, data, length + padding + 16) === 1 &&
        EVP_MAC_final(context, tag, 0, 16) === 1;
      if (!done) throw new Error('Poly1305 failed');
    },

    finishInParts(data, length) {
      const padding = -length & 15;
      words[LENGTHS / 4 + 2] = length;
      const done =
        EVP_MAC_update(context, data, length) === 1 &&
        EVP_MAC_update(context, lengths - padding, padding + 16) === 1 &&
        EVP_MAC_final(context, tag, 0, 16) === 1;
      if (!done) throw new Error('Poly1305 failed');
    },

    copyTo(view, at) {
      view.setInt32(at, words[TAG / 4]!, true);
      view.setInt32(at + 4, words[TAG / 4 + 1]!, true);
      view.setInt32(at + 8, words[TAG / 4 + 2]!, true);
      view.setInt32(at + 12, words[TAG / 4 + 3]!, true);
    },

    isSaved() {
      let difference = 0;
      for (let i = 0; i < 16; i += 4) {
        difference |= words[(TAG + i) >> 2]! ^ words[(SAVED + i) >> 2]!;
      }
      return difference === 0;
    },

    save(view, at, count) {
      for (let i = 0; i < count; i += 4) words[(SAVED + i) >> 2] = view.getInt32(at + i, true);
    },

    restore(view, at, count) {
      for (let i = 0; i < count; i += 4) view.setInt32(at + i, words[(SAVED + i) >> 2]!, true);
    },
  };
}

// The offsets in `tail`: zeros | lengths | tag | saved bytes
/**
 * The lengths (16 bytes) come after at least 15 zeros, because `finishInParts` passes the padding
 * and the lengths in one piece.
 */
const LENGTHS = 16;
const TAG = 32;
const SAVED = 48;
const TAIL_LENGTH = 112;
