/**
 * `arithmeticProvider`: a provider that uses arithmetic instead of cryptography. Both sides get the
 * same keys and every message opens, at almost no cost. So 100,000 handshakes take only seconds,
 * and a benchmark measures the engine. It protects nothing.
 *
 * A public key is the private key with all bits inverted. So each side can compute the exclusive or
 * of both private keys, which is the shared secret.
 *
 * @module
 */
import type { Cipher, CryptoProvider } from '@litz/core';

export const arithmeticProvider: CryptoProvider = {
  name: 'arithmetic',
  dh: (privateKey, publicKey) =>
    publicKey.map((byte, i) => (byte ^ 0xff ^ (privateKey[i] ?? 0)) | 1),
  dhPublicKey: (privateKey) => Uint8Array.from(privateKey, (byte) => byte ^ 0xff),
  hash: (out, a, b) => mix(out, a, b),
  mac: (out, key, input) => mix(out, key, input),
  hmac: (out, key, a, b) => mix(out, key, a, b),
  aeadSeal: (_key, _counter, plain) => withTag(plain),
  aeadOpen: (_key, _counter, sealed) => sealed.slice(0, -TAG_LENGTH),
  xaeadSeal: (_key, _nonce, plain) => withTag(plain),
  xaeadOpen: (_key, _nonce, sealed) => sealed.slice(0, -TAG_LENGTH),
  createCipher: () => OPEN_CIPHER,
};

/** Fills `out` with bytes that depend on all parts: the hash FNV-1a, continued for each byte. */
function mix(out: Uint8Array, ...parts: (Uint8Array | undefined)[]): void {
  let state = 0x811c9dc5;
  for (const part of parts) {
    for (const byte of part ?? []) state = Math.imul(state ^ byte, 0x01000193);
  }
  for (let i = 0; i < out.length; i++) {
    state = Math.imul(state ^ (state >>> 13) ^ i, 0x01000193);
    out[i] = state >>> 16;
  }
}

function withTag(plain: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(plain.length + TAG_LENGTH);
  sealed.set(plain);
  return sealed;
}

const OPEN_CIPHER: Cipher = {
  seal: () => {},
  open: () => true,
  destroy: () => {},
};
const TAG_LENGTH = 16;
