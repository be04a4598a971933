/**
 * `CryptoProvider`: the interface between the protocol and the cryptographic primitives. Its
 * functions are the functions of section 5.4 of the WireGuard paper.
 *
 * A provider implements all of them with its own code. A provider that lacks a primitive must not
 * be offered, and must not silently call another provider. `describeCryptoProvider` in the testkit
 * is the conformance suite.
 *
 * @module
 */

/** A transport key for one direction of one session. The provider chooses how it stores the key. */
export interface Cipher {
  /**
   * Seals a text in place with ChaCha20-Poly1305: `length` bytes of plaintext at `offset` become
   * ciphertext, and the 16-byte tag is written after it. The nonce is the paper's (4 zero bytes,
   * 64-bit little-endian counter), and there is no associated data. The buffer is borrowed for the
   * call.
   */
  seal(counter: number, buffer: Uint8Array, offset: number, length: number): void;

  /**
   * Seals `count` texts of the same length. The first text begins at `offset`, and each next text
   * begins `stride` bytes later. The first text gets the counter `counter`, and each next text gets
   * a counter that is greater by one. The function `sealRun` does the same with any cipher.
   *
   * The cipher may overwrite the 64 bytes in front of each text and the 64 bytes after it, which
   * include the tag. The bytes in front of a text must not overlap the previous text and its tag.
   * So `stride` must be at least `length + 16 + 64`. The cipher leaves no secret in the bytes in
   * front of a text.
   *
   * @throws {RangeError} the cipher needs the space around the texts, and the buffer is too short
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
   * Begins to seal a run as `sealRun` does, and shares the work with other threads. Also writes the
   * headers of the transport messages, with the receiver index `receiver`, in front of the sealed
   * texts. Only the code that created the provider knows when all this is finished. Until then,
   * nobody may read or write the messages.
   *
   * @returns false if the cipher does not share this run: then nothing is done
   */
  sealRunLater?(
    counter: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
    stride: number,
    count: number,
    receiver: number,
  ): boolean;

  /**
   * Opens a text in place: `length` bytes of ciphertext at `offset`, followed by the tag. The tag
   * is compared in constant time.
   *
   * @returns false for a wrong tag; then the buffer contains no plaintext, but ciphertext or zeros
   */
  open(counter: number, buffer: Uint8Array, offset: number, length: number): boolean;

  /**
   * Begins to open a text in another thread. Until `open` is called with the same arguments, nobody
   * may read or write the message. This function may also do nothing; then `open` does everything.
   */
  openLater?(counter: number, buffer: Uint8Array, offset: number, length: number): void;

  /**
   * The one-time keys of this cipher. Another cipher of the same key may use them, so that it need
   * not compute its own. They must not be used after `destroy`.
   */
  readonly oneTimeKeys?: OneTimeKeys;

  /**
   * Writes the key (32 bytes) into `out`, for a hand-over to another process. A session whose
   * cipher lacks this function cannot be handed over.
   *
   * @throws {TypeError} after `destroy`
   */
  readKey?(out: Uint8Array): void;

  /** Wipes the key. The cipher must not be used afterwards. */
  destroy(): void;
}

/** One-time keys of Poly1305 (RFC 8439 section 2.6) for the messages of a transport key. */
export interface OneTimeKeys {
  /** The memory that contains the keys. */
  readonly words: Int32Array;
  /**
   * Returns the index in `words` at which the one-time key of this counter begins. The key is eight
   * words long. The words may be overwritten by the next call.
   */
  locate(counter: number): number;
}

/** A private key that is prepared for several X25519 operations; see `CryptoProvider.dhKey`. */
export interface DhKey {
  /** The public key, 32 bytes. It belongs to this object. */
  readonly publicKey: Uint8Array;
  /**
   * Computes X25519 as `CryptoProvider.dh` does. Returns 32 new bytes; undefined if the result is
   * all zeros.
   */
  dh(publicKey: Uint8Array): Uint8Array | undefined;
  /**
   * Writes the private key (32 bytes) into `out`. If this function is present, the caller need not
   * keep its own copy of the private key while this object exists.
   */
  readPrivateKey?(out: Uint8Array): void;
  /** Wipes the private key. The object must not be used afterwards. Further calls do nothing. */
  destroy(): void;
}

/**
 * The cryptographic primitives of the protocol. Arguments are borrowed for the call. Results are
 * new arrays, or are written into the given `out`. Only `Cipher` is used for transport messages.
 */
export interface CryptoProvider {
  /** The name for logs and results: 'noble', 'wasm', 'openssl'. */
  readonly name: string;

  /**
   * DH(private, public): X25519 (RFC 7748). Returns 32 new bytes; undefined if the result is all
   * zeros.
   */
  dh(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined;
  /**
   * Computes the public key of a private key (the second half of DH-Generate). Returns 32 new
   * bytes.
   */
  dhPublicKey(privateKey: Uint8Array): Uint8Array;
  /**
   * Computes the public key of a private key (32 bytes, copied), and prepares the private key for
   * several DH operations. A provider has this function only if preparation saves time. `dhKeyOf`
   * works with and without it.
   */
  dhKey?(privateKey: Uint8Array): DhKey;

  /**
   * Hash(a || b): BLAKE2s-256 of the concatenation. Writes 32 bytes into `out`, which may be `a` or
   * `b`.
   */
  hash(out: Uint8Array, a: Uint8Array, b?: Uint8Array): void;
  /** Mac(key, input): keyed BLAKE2s. Writes 16 bytes into `out`. `key` is 16 or 32 bytes. */
  mac(out: Uint8Array, key: Uint8Array, input: Uint8Array): void;
  /**
   * Hmac(key, a || b): HMAC-BLAKE2s. Writes 32 bytes into `out`, which may be one of the inputs.
   */
  hmac(out: Uint8Array, key: Uint8Array, a: Uint8Array, b?: Uint8Array): void;

  /**
   * Computes Kdf1, Kdf2 or Kdf3; the number of outputs decides which. Each output is 32 bytes long.
   * An output may be the same array as `key` or `input`, which are at most 32 bytes long. A
   * provider has this function only if it is faster than the same computation with `hmac`. If it is
   * absent, `kdf` in `kdf.ts` uses `hmac`.
   */
  kdf?(
    key: Uint8Array,
    input: Uint8Array,
    first: Uint8Array,
    second?: Uint8Array,
    third?: Uint8Array,
  ): void;

  /** Aead(key, counter, plain, auth): returns a new array of plain.length + 16 bytes. */
  aeadSeal(key: Uint8Array, counter: number, plain: Uint8Array, auth: Uint8Array): Uint8Array;
  /** Returns a new array of sealed.length - 16 bytes; undefined for a wrong tag. */
  aeadOpen(
    key: Uint8Array,
    counter: number,
    sealed: Uint8Array,
    auth: Uint8Array,
  ): Uint8Array | undefined;
  /** Xaead with a 24-byte nonce, for cookie replies. */
  xaeadSeal(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, auth: Uint8Array): Uint8Array;
  xaeadOpen(
    key: Uint8Array,
    nonce: Uint8Array,
    sealed: Uint8Array,
    auth: Uint8Array,
  ): Uint8Array | undefined;

  /**
   * Creates the transport cipher of a 32-byte key. The key is copied.
   *
   * @param oneTimeKeys one-time keys of another cipher of the same key; that other cipher must live
   *   longer than the new cipher. The provider may ignore these keys.
   */
  createCipher(key: Uint8Array, oneTimeKeys?: OneTimeKeys): Cipher;

  /**
   * Frees memory that the garbage collector does not free. The code that created the provider calls
   * this function when all ciphers are destroyed. Nothing else may be called afterwards.
   */
  destroy?(): void;
}
