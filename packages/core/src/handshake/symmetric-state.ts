/**
 * `SymmetricState`: C, H and the key of a handshake, with the operations of sections 5.4.2 and
 * 5.4.3 of the WireGuard paper.
 *
 * @module
 */
import { HASH_LENGTH, KEY_LENGTH } from '../constants.ts';
import { kdf } from '../crypto/kdf.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { wipe } from '../crypto/wipe.ts';
import type { PresharedKey, PublicKey } from '../keys.ts';
import { CONSTRUCTION, IDENTIFIER } from './labels.ts';

/**
 * The state while one message is made or read. The code that creates a state must call `wipe` in a
 * `finally`.
 */
export class SymmetricState {
  /** C, 32 bytes. */
  readonly chainingKey: Uint8Array = new Uint8Array(HASH_LENGTH);
  /** H, 32 bytes. */
  readonly hash: Uint8Array = new Uint8Array(HASH_LENGTH);
  /** The paper's kappa: the key of the latest `mixKey` or `mixPresharedKey`. */
  readonly #key = new Uint8Array(KEY_LENGTH);
  readonly #crypto: CryptoProvider;

  private constructor(crypto: CryptoProvider) {
    this.#crypto = crypto;
  }

  /** Returns the state at the beginning of the first message, section 5.4.2. */
  static begin(crypto: CryptoProvider, responderPublicKey: PublicKey): SymmetricState {
    const state = new SymmetricState(crypto);
    // C := Hash(CONSTRUCTION)
    crypto.hash(state.chainingKey, CONSTRUCTION);
    // H := Hash(C || IDENTIFIER)
    crypto.hash(state.hash, state.chainingKey, IDENTIFIER);
    // H := Hash(H || S_r_pub)
    state.mixHash(responderPublicKey);
    return state;
  }

  /** Continues with the state after an earlier message. Both values are copied. */
  static resume(
    crypto: CryptoProvider,
    from: { readonly chainingKey: Uint8Array; readonly hash: Uint8Array },
  ): SymmetricState {
    const state = new SymmetricState(crypto);
    state.chainingKey.set(from.chainingKey);
    state.hash.set(from.hash);
    return state;
  }

  /** H := Hash(H || data) */
  mixHash(data: Uint8Array): void {
    this.#crypto.hash(this.hash, this.hash, data);
  }

  /** C := Kdf1(C, input) */
  mixChainingKey(input: Uint8Array): void {
    kdf(this.#crypto, this.chainingKey, input, this.chainingKey);
  }

  /** (C, key) := Kdf2(C, input) */
  mixKey(input: Uint8Array): void {
    kdf(this.#crypto, this.chainingKey, input, this.chainingKey, this.#key);
  }

  /** (C, tau, key) := Kdf3(C, Q), then H := Hash(H || tau) */
  mixPresharedKey(presharedKey: PresharedKey): void {
    const tau = new Uint8Array(HASH_LENGTH);
    try {
      kdf(this.#crypto, this.chainingKey, presharedKey, this.chainingKey, tau, this.#key);
      this.mixHash(tau);
    } finally {
      wipe(tau);
    }
  }

  /** field := Aead(key, 0, plain, H), then H := Hash(H || field). Returns the field. */
  seal(plain: Uint8Array): Uint8Array {
    const field = this.#crypto.aeadSeal(this.#key, 0, plain, this.hash);
    this.mixHash(field);
    return field;
  }

  /**
   * The reverse of `seal`. Returns undefined if the field is not authentic; then nothing has
   * changed.
   */
  open(field: Uint8Array): Uint8Array | undefined {
    const plain = this.#crypto.aeadOpen(this.#key, 0, field, this.hash);
    if (plain) this.mixHash(field);
    return plain;
  }

  wipe(): void {
    wipe(this.chainingKey, this.hash, this.#key);
  }
}
