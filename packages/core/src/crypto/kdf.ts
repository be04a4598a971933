/**
 * Kdf1, Kdf2, Kdf3 of section 5.4 of the WireGuard paper: HKDF with HMAC-BLAKE2s; the key takes the
 * place of the salt.
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
 * Computes Kdfn(key, input), where n is the number of outputs, and writes 32 bytes into each
 * output. An output may be the same array as `key` or `input`. `key` and `input` are at most 32
 * bytes long. All arrays are borrowed for the call.
 */
// oxlint-disable-next-line max-params -- the parameters of Kdf3 in the paper
export function kdf(
  crypto: CryptoProvider,
  key: Uint8Array,
  input: Uint8Array,
  first: Uint8Array,
  second?: Uint8Array,
  third?: Uint8Array,
): void {
  if (crypto.kdf) crypto.kdf(key, input, first, second, third);
  else kdfByHmac(crypto, key, input, first, second, third);
}

// oxlint-disable-next-line max-params -- the parameters of Kdf3 in the paper
function kdfByHmac(
  crypto: CryptoProvider,
  key: Uint8Array,
  input: Uint8Array,
  first: Uint8Array,
  second: Uint8Array | undefined,
  third: Uint8Array | undefined,
): void {
  const t0 = new Uint8Array(HASH_LENGTH);
  try {
    crypto.hmac(t0, key, input);
    crypto.hmac(first, t0, ONE);
    if (second) crypto.hmac(second, t0, first, TWO);
    if (second && third) crypto.hmac(third, t0, second, THREE);
  } finally {
    wipe(t0);
  }
}

const ONE: Uint8Array = Uint8Array.of(1);
const TWO: Uint8Array = Uint8Array.of(2);
const THREE: Uint8Array = Uint8Array.of(3);
