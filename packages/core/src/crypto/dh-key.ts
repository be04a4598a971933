/**
 * `dhKeyOf`: a private key made ready, also by providers that have nothing to prepare.
 *
 * @module
 */
import type { CryptoProvider, DhKey } from './provider.ts';
import { secretCopy } from './secret-bytes.ts';
import { wipe } from './wipe.ts';

/** @param privateKey 32 bytes, copied. Whoever gets the key destroys it. */
export function dhKeyOf(crypto: CryptoProvider, privateKey: Uint8Array): DhKey {
  if (crypto.dhKey) return crypto.dhKey(privateKey);
  const copy = secretCopy(privateKey);
  try {
    return {
      publicKey: crypto.dhPublicKey(copy),
      dh: (publicKey) => crypto.dh(copy, publicKey),
      readPrivateKey: (out) => out.set(copy),
      destroy: () => wipe(copy),
    };
  } catch (error) {
    wipe(copy);
    throw error;
  }
}
