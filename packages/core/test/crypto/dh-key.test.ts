import { referenceProvider } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { dhKeyOf } from '../../src/crypto/dh-key.ts';
import type { CryptoProvider, DhKey } from '../../src/crypto/provider.ts';

const PRIVATE_KEY = Uint8Array.from({ length: 32 }, (_, i) => i + 1);
const PUBLIC_KEY = referenceProvider.dhPublicKey(new Uint8Array(32).fill(7));

describe('dhKeyOf', () => {
  it('gives the results of the provider, also after the caller has wiped the key', () => {
    const given = PRIVATE_KEY.slice();
    const key = dhKeyOf(referenceProvider, given);
    given.fill(0);
    expect(key.publicKey).toEqual(referenceProvider.dhPublicKey(PRIVATE_KEY));
    expect(key.dh(PUBLIC_KEY)).toEqual(referenceProvider.dh(PRIVATE_KEY, PUBLIC_KEY));
  });

  it('gives out copies of the private key, and wipes its own copy when it is destroyed', () => {
    const { provider, seen } = watched();
    const key = dhKeyOf(provider, PRIVATE_KEY);
    const out = new Uint8Array(32);
    key.readPrivateKey?.(out);
    expect(out).toEqual(PRIVATE_KEY);
    expect(seen).toEqual([PRIVATE_KEY]);
    expect(seen[0]).not.toBe(PRIVATE_KEY);
    key.destroy();
    key.destroy();
    expect(seen).toEqual([new Uint8Array(32)]);
  });

  it('wipes its copy when the provider fails', () => {
    const { provider, seen } = watched(new Error('no public key'));
    expect(() => dhKeyOf(provider, PRIVATE_KEY)).toThrow('no public key');
    expect(seen).toEqual([new Uint8Array(32)]);
  });

  it('returns the prepared key of a provider that prepares keys', () => {
    const prepared = { publicKey: PUBLIC_KEY } as DhKey;
    const given: Uint8Array[] = [];
    const dhKey = (privateKey: Uint8Array): DhKey => {
      given.push(privateKey);
      return prepared;
    };
    expect(dhKeyOf({ ...referenceProvider, dhKey }, PRIVATE_KEY)).toBe(prepared);
    expect(given).toEqual([PRIVATE_KEY]);
  });
});

/** Returns a provider, and the arrays (not copies) from which it has computed public keys. */
function watched(failure?: Error): { provider: CryptoProvider; seen: Uint8Array[] } {
  const seen: Uint8Array[] = [];
  const dhPublicKey = (privateKey: Uint8Array): Uint8Array => {
    seen.push(privateKey);
    if (failure) throw failure;
    return referenceProvider.dhPublicKey(privateKey);
  };
  return { provider: { ...referenceProvider, dhPublicKey }, seen };
}
