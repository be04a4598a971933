/**
 * `Chacha20`: OpenSSL's ChaCha20 with one key after the other.
 *
 * @module
 */

/** What is kept of a key: only the form that made it knows what it is. */
export type StreamKey = unknown;

/** One stream at a time is begun. */
export interface Chacha20<Key = StreamKey> {
  /** @param bytes 32, copied */
  createKey(bytes: Uint8Array): Key;
  /** @param counter of the message: the nonce is four zero bytes, and this as u64 (section 5.4.6) */
  begin(key: Key, counter: number, firstBlock: 0 | 1): void;
  /**
   * Goes on with the stream that was begun last: `length` bytes from one address to another, or to the
   * same. All but the last part of a stream are whole blocks of 64 bytes.
   *
   * @throws {Error} OpenSSL fails
   */
  crypt(key: Key, out: number, input: number, length: number): void;
  /** Wipes it. Once; then it is not to be used any more. */
  destroyKey(key: Key): void;
}

/** Of the cipher's initial vector: the number of the first block, and the nonce. */
export const IV_LENGTH = 16;
