/**
 * `dhKeyOf`: prepares a private key for several X25519 operations. Works with every provider, also
 * with one that cannot prepare keys.
 *
 * @module
 */
import type { CryptoProvider, DhKey } from './provider.ts';
import { secretCopy } from './secret-bytes.ts';
import { wipe } from './wipe.ts';

/**
 * Returns the prepared key, which the caller must destroy.
 *
 * @param privateKey 32 bytes, copied
 */
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
