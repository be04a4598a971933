/**
 * The seam between the protocol and its primitives: the functions the paper names in section 5.4.
 *
 * A provider implements all of them with its own code. A primitive it lacks is a reason not to
 * offer the provider, never a silent call of another one's. `describeCryptoProvider` in the testkit
 * is the conformance suite.
 *
 * @module
 */

/** A transport key, held in whatever form the provider likes. One direction of one session. */
export interface Cipher {
  /**
   * ChaCha20-Poly1305 with the nonce of the paper (4 zero bytes, 64-bit little-endian counter) and
   * no associated data, in place: `length` bytes of plaintext at `offset` become ciphertext and the
   * 16-byte tag is written behind them. Borrowed for the call.
   */
  seal(counter: number, buffer: Uint8Array, offset: number, length: number): void;

  /**
   * As `seal` of `count` texts of one length, `stride` bytes apart from `offset` on, with the counters
   * from `counter` on. It may write over 64 bytes in front of each text, where it leaves no secret, and
   * over 64 bytes behind it, the tag among them; never over another text of the run or its tag, so
   * `stride` is at least `length + 16 + 64`. `sealRun()` does the same with any cipher.
   *
   * @throws {RangeError} a cipher that uses the room does not have it
   * @throws {TypeError} after `destroy`
   */
  sealRun?(
    counter: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
    stride: number,
    count: number,
  ): void;

  /**
   * The reverse, in place: `length` bytes of ciphertext at `offset`, the tag behind them. Compares in
   * constant time.
   *
   * @returns false for a wrong tag; then no plaintext is in the buffer (it holds ciphertext or zeros)
   */
  open(counter: number, buffer: Uint8Array, offset: number, length: number): boolean;

  /** For a cipher of the same key that would make them one by one. Not there after `destroy`. */
  readonly oneTimeKeys?: OneTimeKeys;

  /** Wipes the key; the cipher is not used afterwards. */
  destroy(): void;
}

/** One-time keys of Poly1305 (RFC 8439 section 2.6) for the messages of a transport key. */
export interface OneTimeKeys {
  /** Memory that they stand in. */
  readonly words: Int32Array;
  /** Where in `words` the eight of a counter begin. They are there until the next call. */
  locate(counter: number): number;
}

/** A private key made ready, for who does more than one X25519 with it; see `CryptoProvider.dhKey`. */
export interface DhKey {
  /** Its public half: 32 bytes, the key's own. */
  readonly publicKey: Uint8Array;
  /** As `CryptoProvider.dh`: 32 new bytes; undefined if the result is all zero. */
  dh(publicKey: Uint8Array): Uint8Array | undefined;
  /**
   * Writes the private key (32 bytes) into `out`. Where it is there, nobody else needs to keep a copy of
   * the private key for as long as this key is not destroyed.
   */
  readPrivateKey?(out: Uint8Array): void;
  /** Wipes the private key; the key is not used afterwards. Further calls do nothing. */
  destroy(): void;
}

/**
 * Arguments are borrowed for the call and results are new arrays or written into the given `out`;
 * none of these is on the path of a transport packet but the `Cipher`.
 */
export interface CryptoProvider {
  /** For logs and results: 'noble', 'wasm', 'openssl'. */
  readonly name: string;

  /** DH(private, public): X25519 (RFC 7748). 32 new bytes; undefined if the result is all zero. */
  dh(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined;
  /** DH-Generate's public half: 32 new bytes. */
  dhPublicKey(privateKey: Uint8Array): Uint8Array;
  /**
   * Both halves of DH-Generate and what comes after it with one preparation; the key (32 bytes) is
   * copied. Only where preparing costs something: `dhKeyOf` does the same without it.
   */
  dhKey?(privateKey: Uint8Array): DhKey;

  /** Hash(parts...): BLAKE2s-256 over the concatenation, 32 bytes into `out`; `out` may be one of the parts. */
  hash(out: Uint8Array, a: Uint8Array, b?: Uint8Array): void;
  /** Mac(key, input): keyed BLAKE2s, 16 bytes into `out`. `key` is 16 or 32 bytes. */
  mac(out: Uint8Array, key: Uint8Array, input: Uint8Array): void;
  /** Hmac(key, a || b): HMAC-BLAKE2s, 32 bytes into `out`; `out` may be one of the inputs. */
  hmac(out: Uint8Array, key: Uint8Array, a: Uint8Array, b?: Uint8Array): void;

  /**
   * Kdf1, Kdf2 or Kdf3, by how many outputs (32 bytes each) there are; an output may be `key` or
   * `input`, which are at most 32 bytes. Only where it is faster than by `hmac`, which is what `kdf`
   * does without it.
   */
  kdf?(
    key: Uint8Array,
    input: Uint8Array,
    first: Uint8Array,
    second?: Uint8Array,
    third?: Uint8Array,
  ): void;

  /** Aead(key, counter, plain, auth): new array of plain.length + 16. */
  aeadSeal(key: Uint8Array, counter: number, plain: Uint8Array, auth: Uint8Array): Uint8Array;
  /** New array of sealed.length - 16, or undefined for a wrong tag. */
  aeadOpen(
    key: Uint8Array,
    counter: number,
    sealed: Uint8Array,
    auth: Uint8Array,
  ): Uint8Array | undefined;
  /** Xaead with a 24-byte nonce (cookie replies). */
  xaeadSeal(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, auth: Uint8Array): Uint8Array;
  xaeadOpen(
    key: Uint8Array,
    nonce: Uint8Array,
    sealed: Uint8Array,
    auth: Uint8Array,
  ): Uint8Array | undefined;

  /**
   * Makes the transport cipher of a 32-byte key; the key is copied.
   *
   * @param oneTimeKeys of another cipher of this key, which outlives this one: to be used or not
   */
  createCipher(key: Uint8Array, oneTimeKeys?: OneTimeKeys): Cipher;

  /**
   * Gives back what no garbage collector does, once the last of its ciphers is destroyed; nothing else
   * is called afterwards. Whoever made the provider calls it.
   */
  destroy?(): void;
}
