/**
 * Tests of providers that prepare keys: how many keys they prepare, and that each is destroyed.
 *
 * @module
 */
import { referenceProvider, seededRandomBytes } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { dhKeyOf } from '../../src/crypto/dh-key.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { Endpoint } from '../../src/endpoint.ts';
import { Engine } from '../../src/engine.ts';
import { Handshake } from '../../src/handshake/handshake.ts';
import { createResponse } from '../../src/handshake/response.ts';
import { copyPrivateKey, releaseKey, wipeIdentity } from '../../src/handshake/static-identity.ts';
import { publicKeyOf } from '../../src/key-pair.ts';
import { generatePrivateKey, isZeroKey } from '../../src/keys.ts';
import { createParties, initiate, LOW_ORDER_KEY, receiveInitiation, respond } from './parties.ts';

describe('a provider that prepares keys', () => {
  it('prepares the static key once and each ephemeral key once', () => {
    const keys = new KeyCounter();
    const { alice, bob } = createParties(referenceProvider, keys.provider);
    for (const seconds of [1, 2, 3]) {
      expect(receiveInitiation(bob, initiate(alice, seconds), seconds * 1000)).toBeUndefined();
      respond(bob);
    }
    expect(keys).toMatchObject({ prepared: 1 + 3, left: 1 });
  });

  it('gives the same handshake as a provider that prepares no keys', () => {
    const [plain, prepared] = [referenceProvider, new KeyCounter().provider].map((crypto) => {
      const { alice, bob } = createParties(crypto);
      receiveInitiation(bob, initiate(alice));
      return [...respond(bob)];
    });
    expect(prepared).toEqual(plain);
  });

  it('prepares the static key again after it was released', () => {
    const keys = new KeyCounter();
    const { alice, bob } = createParties(referenceProvider, keys.provider);
    receiveInitiation(bob, initiate(alice, 1), 1000);
    for (let i = 0; i < 2; i++) releaseKey(bob.identity);
    expect(keys).toMatchObject({ prepared: 1, left: 0 });
    expect(receiveInitiation(bob, initiate(alice, 2), 2000)).toBeUndefined();
    expect(keys).toMatchObject({ prepared: 2, left: 1 });
  });

  it('destroys the ephemeral key even if there is no response', () => {
    const keys = new KeyCounter();
    const { bob } = createParties(referenceProvider, keys.provider);
    const handshake = new Handshake(LOW_ORDER_KEY);
    handshake.state = 'initiation-consumed';
    const out = new Uint8Array(92);
    const { crypto, randomBytes } = bob;
    expect(createResponse(crypto, handshake, 1, randomBytes, out)).toBe(false);
    expect(keys).toMatchObject({ prepared: 1, left: 0 });
  });

  it.each([
    ['the link goes down', (engine: Engine) => engine.linkDown(0)],
    ['the private key is removed', (engine: Engine) => engine.configure({ privateKey: null }, 0)],
  ])('has no static key left when %s', (_, end) => {
    const keys = new KeyCounter();
    const randomBytes = seededRandomBytes(5);
    const engine = new Engine({ randomBytes, unixTime: () => 0, crypto: keys.provider });
    const publicKey = publicKeyOf(generatePrivateKey(randomBytes), referenceProvider);
    const privateKey = generatePrivateKey(randomBytes);
    const endpoint = new Endpoint(Uint8Array.of(127, 0, 0, 1), 1);
    engine.configure({ privateKey, peers: [{ publicKey, endpoint }] }, 0);
    engine.connect(publicKey, 0);
    expect(keys.left).toBe(1);
    end(engine);
    expect(keys.left).toBe(0);
  });
});

describe('a provider whose prepared key can be read back', () => {
  it('has the only copy of the private key while the key is prepared', () => {
    const { alice, bob } = createParties(referenceProvider, READABLE);
    const { identity } = bob;
    const before = [...identity.privateKey];
    receiveInitiation(bob, initiate(alice, 1), 1000);
    expect(isZeroKey(identity.privateKey)).toBe(true);
    expect([...copyPrivateKey(identity)]).toEqual(before);
    releaseKey(identity);
    expect([...identity.privateKey]).toEqual(before);
    expect(receiveInitiation(bob, initiate(alice, 2), 2000)).toBeUndefined();
    wipeIdentity(identity);
    expect(isZeroKey(identity.privateKey)).toBe(true);
    expect(identity.preparedKey).toBeUndefined();
  });

  it('gives the key back when the engine returns its key or compares it with a new key', () => {
    const randomBytes = seededRandomBytes(5);
    const engine = new Engine({ randomBytes, unixTime: () => 0, crypto: READABLE });
    const privateKey = generatePrivateKey(randomBytes);
    const publicKey = publicKeyOf(generatePrivateKey(randomBytes), referenceProvider);
    const endpoint = new Endpoint(Uint8Array.of(127, 0, 0, 1), 1);
    engine.configure({ privateKey, peers: [{ publicKey, endpoint }] }, 0);
    engine.connect(publicKey, 0);
    expect(engine.privateKey).toEqual(privateKey);
    const initiations = engine.stats.sentInitiations;
    // The same key changes nothing, so no new handshake begins.
    engine.configure({ privateKey }, 10_000);
    expect(engine.stats.sentInitiations).toBe(initiations);
    engine.linkDown(10_000);
    expect(engine.privateKey).toEqual(privateKey);
  });
});

/** A provider whose prepared keys are copies, which can be read back. */
const READABLE: CryptoProvider = {
  ...referenceProvider,
  dhKey: (privateKey) => dhKeyOf(referenceProvider, privateKey),
};

/** Counts the keys that its provider has prepared, and those that are not destroyed (`left`). */
class KeyCounter {
  prepared = 0;
  left = 0;
  readonly provider: CryptoProvider = {
    ...referenceProvider,
    dhKey: (privateKey) => {
      const copy = privateKey.slice();
      let isDestroyed = false;
      this.prepared++;
      this.left++;
      return {
        publicKey: referenceProvider.dhPublicKey(copy),
        dh: (publicKey) => {
          if (isDestroyed) throw new TypeError('the key was destroyed');
          return referenceProvider.dh(copy, publicKey);
        },
        destroy: () => {
          if (!isDestroyed) this.left--;
          isDestroyed = true;
        },
      };
    },
  };
}
