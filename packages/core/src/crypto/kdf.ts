/**
 * Kdf1, Kdf2, Kdf3 of section 5.4: HKDF over HMAC-BLAKE2s, without a salt of its own.
 *
 * ```
 * t0 = Hmac(key, input)    t1 = Hmac(t0, 0x1)    ti = Hmac(t0, t(i-1) || i)
 * Kdfn(key, input) = (t1, ..., tn)
 * ```
 *
 * @module
 */
import { HASH_LENGTH } from '../constants.ts';
import type { CryptoProvider } from './provider.ts';
import { wipe } from './wipe.ts';

/**
 * Kdfn(key, input), n being how many `outputs` there are: 32 bytes into each. An output may be `key`
 * or `input`. All are borrowed for the call.
 */
export function kdf(
  crypto: CryptoProvider,
  key: Uint8Array,
  input: Uint8Array,
  ...outputs: readonly Uint8Array[]
): void {
  const t0 = new Uint8Array(HASH_LENGTH);
  const t = new Uint8Array(HASH_LENGTH);
  try {
    crypto.hmac(t0, key, input);
    outputs.forEach((output, i) => {
      if (i === 0) crypto.hmac(t, t0, Uint8Array.of(1));
      else crypto.hmac(t, t0, t, Uint8Array.of(i + 1));
      output.set(t);
    });
  } finally {
    wipe(t0, t);
  }
}
