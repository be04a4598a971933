/**
 * `Chacha20`: the interface to OpenSSL's ChaCha20, with several keys in turn.
 *
 * @module
 */

/** The stored form of a key. Only the implementation that made it knows what it is. */
export type StreamKey = unknown;

/** ChaCha20 with several keys. Only one stream is in progress at a time. */
export interface Chacha20<Key = StreamKey> {
  /** Makes a key. @param bytes 32 bytes, copied */
  createKey(bytes: Uint8Array): Key;
  /**
   * Begins a stream.
   *
   * @param counter of the message: the nonce is four zero bytes and this number as u64 (section
   *   5.4.6)
   */
  begin(key: Key, counter: number, firstBlock: 0 | 1): void;
  /**
   * Continues the last stream: encrypts `length` bytes from one address to another, or in place.
   * All parts of a stream except the last must be whole blocks of 64 bytes.
   *
   * @throws {Error} OpenSSL failed
   */
  crypt(key: Key, out: number, input: number, length: number): void;
  /** Wipes a key. Must be called only once; the key must not be used afterwards. */
  destroyKey(key: Key): void;
}

/** Length in bytes of the initial vector: the number of the first block, and the nonce. */
export const IV_LENGTH = 16;
