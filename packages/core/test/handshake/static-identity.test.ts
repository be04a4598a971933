import { referenceProvider } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { dhKeyOf } from '../../src/crypto/dh-key.ts';
import type { CryptoProvider, DhKey } from '../../src/crypto/provider.ts';
import {
  cookieKeyOf,
  copyPrivateKey,
  createStaticIdentity,
  mac1KeyOf,
  releaseKey,
  staticDh,
  wipeIdentity,
  type StaticIdentity,
} from '../../src/handshake/static-identity.ts';
import { isZeroKey, PrivateKey } from '../../src/keys.ts';
import { createParties } from './parties.ts';

const PUBLIC_KEY = referenceProvider.dhPublicKey(new Uint8Array(32).fill(7));

describe('createStaticIdentity', () => {
  it('returns an identity with the mac keys that other peers compute from its public key', () => {
    const { alice } = createParties();
    const { publicKey, privateKey, mac1Key, cookieKey } = alice.identity;
    expect([...publicKey]).toEqual([...alice.crypto.dhPublicKey(privateKey)]);
    expect(mac1Key).toEqual(mac1KeyOf(alice.crypto, publicKey));
    expect(cookieKey).toEqual(cookieKeyOf(alice.crypto, publicKey));
    expect(mac1Key).not.toEqual(cookieKey);
  });

  it('wipes the key when the provider fails', () => {
    const privateKey = keyOf(5);
    expect(() => createStaticIdentity({ ...referenceProvider, hash: fail }, privateKey)).toThrow(
      'the provider failed',
    );
    expect(isZeroKey(privateKey)).toBe(true);
  });
});

describe('staticDh', () => {
  it.each([
    ['prepares no keys', referenceProvider],
    ['prepares keys and keeps them', preparing({ isReadable: false })],
    ['prepares keys and gives them back', preparing({ isReadable: true })],
  ])('gives the same secret repeatedly with a provider that %s', (_, crypto) => {
    const identity = createStaticIdentity(crypto, keyOf(5));
    const expected = referenceProvider.dh(keyOf(5), PUBLIC_KEY);
    expect(staticDh(crypto, identity, PUBLIC_KEY)).toEqual(expected);
    expect(staticDh(crypto, identity, PUBLIC_KEY)).toEqual(expected);
  });
});

describe('copyPrivateKey', () => {
  it.each([
    ['that cannot be read back from the provider', false],
    ['that can be read back from the provider', true],
  ])('copies a key %s, before and after its first use', (_, isReadable) => {
    const crypto = preparing({ isReadable });
    const identity = createStaticIdentity(crypto, keyOf(5));
    expect([...copyPrivateKey(identity)]).toEqual([...keyOf(5)]);
    staticDh(crypto, identity, PUBLIC_KEY);
    expect(isZeroKey(identity.privateKey)).toBe(isReadable);
    const copy = copyPrivateKey(identity);
    expect([...copy]).toEqual([...keyOf(5)]);
    copy.fill(0);
    expect([...copyPrivateKey(identity)]).toEqual([...keyOf(5)]);
  });
});

describe('releaseKey', () => {
  it.each([
    ['that cannot be read back from the provider', false],
    ['that can be read back from the provider', true],
  ])('leaves the provider no copy of a key %s, but the identity keeps it', (_, isReadable) => {
    const destroyed: DhKey[] = [];
    const crypto = preparing({ isReadable, destroyed });
    const identity = createStaticIdentity(crypto, keyOf(5));
    releaseKey(identity);
    expect([...identity.privateKey]).toEqual([...keyOf(5)]);
    expect(destroyed).toHaveLength(0);
    staticDh(crypto, identity, PUBLIC_KEY);
    releaseKey(identity);
    expect(destroyed).toHaveLength(1);
    expect(identity.preparedKey).toBeUndefined();
    expect([...identity.privateKey]).toEqual([...keyOf(5)]);
    releaseKey(identity);
    expect(destroyed).toHaveLength(1);
  });
});

describe('wipeIdentity', () => {
  it.each([
    ['unused', () => undefined],
    [
      'in use',
      (crypto: CryptoProvider, identity: StaticIdentity) => staticDh(crypto, identity, PUBLIC_KEY),
    ],
  ])('wipes a key that is %s', (_, use) => {
    for (const isReadable of [false, true]) {
      const destroyed: DhKey[] = [];
      const crypto = preparing({ isReadable, destroyed });
      const identity = createStaticIdentity(crypto, keyOf(5));
      const wasUsed = use(crypto, identity) !== undefined;
      wipeIdentity(identity);
      expect(isZeroKey(identity.privateKey)).toBe(true);
      expect(identity.preparedKey).toBeUndefined();
      expect(destroyed).toHaveLength(wasUsed ? 1 : 0);
    }
  });
});

describe('mac1KeyOf and cookieKeyOf', () => {
  it('return the hash of a label and the public key', () => {
    const { publicKey } = createStaticIdentity(referenceProvider, keyOf(5));
    for (const [key, label] of [
      [mac1KeyOf(referenceProvider, publicKey), 'mac1----'],
      [cookieKeyOf(referenceProvider, publicKey), 'cookie--'],
    ] as const) {
      const expected = new Uint8Array(32);
      referenceProvider.hash(expected, new TextEncoder().encode(label), publicKey);
      expect(key).toEqual(expected);
    }
  });
});

/**
 * Returns a provider whose prepared keys are copies. If `isReadable` is true, these keys can be
 * read back. Keys that are destroyed are added to `destroyed`.
 */
function preparing({
  isReadable,
  destroyed = [],
}: {
  isReadable: boolean;
  destroyed?: DhKey[];
}): CryptoProvider {
  const dhKey = (privateKey: Uint8Array): DhKey => {
    const key = dhKeyOf(referenceProvider, privateKey);
    const made: DhKey = {
      publicKey: key.publicKey,
      dh: (publicKey) => key.dh(publicKey),
      ...(isReadable && { readPrivateKey: (out) => key.readPrivateKey?.(out) }),
      destroy: () => {
        key.destroy();
        destroyed.push(made);
      },
    };
    return made;
  };
  return { ...referenceProvider, dhKey };
}

function fail(): never {
  throw new Error('the provider failed');
}

/** Returns a key that is clamped, so that no function that reads it changes it. */
function keyOf(byte: number): PrivateKey {
  const key = new PrivateKey();
  key.set(new Uint8Array(32).fill(byte));
  key[0] &= 0xf8;
  key[31] = (key[31] & 0x7f) | 0x40;
  return key;
}
