import { describe, expect, it } from 'vitest';
import { Handshake } from '../../src/handshake/handshake.ts';
import { PresharedKey } from '../../src/keys.ts';
import { createParties, initiate, LOW_ORDER_KEY, receiveInitiation, snapshot } from './parties.ts';

describe('Handshake', () => {
  it('computes the static-static secret at its first use, once', () => {
    const { alice, bob } = createParties();
    let count = 0;
    const counting = { ...alice.crypto, dh: countingDh };
    expect(alice.handshake.staticStatic).toBeUndefined();
    expect(alice.handshake.ensureStaticStatic(counting, alice.identity)).toBe(true);
    expect(alice.handshake.ensureStaticStatic(counting, alice.identity)).toBe(true);
    expect(count).toBe(1);
    bob.handshake.ensureStaticStatic(bob.crypto, bob.identity);
    expect(alice.handshake.staticStatic).toEqual(bob.handshake.staticStatic);

    function countingDh(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined {
      count++;
      return alice.crypto.dh(privateKey, publicKey);
    }
  });

  it('keeps the secret in its own memory, and wipes the provider’s array', () => {
    const { alice, bob } = createParties();
    const made: Uint8Array[] = [];
    const dh = (privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined => {
      const secret = alice.crypto.dh(privateKey, publicKey);
      if (secret) made.push(secret);
      return secret;
    };
    alice.handshake.ensureStaticStatic({ ...alice.crypto, dh }, alice.identity);
    expect(made).toEqual([new Uint8Array(32)]);
    const expected = alice.crypto.dh(alice.identity.privateKey, bob.identity.publicKey);
    expect(alice.handshake.staticStatic).toEqual(expected);
  });

  it('can forget the secret and compute it again', () => {
    const { alice } = createParties();
    const { handshake, crypto, identity } = alice;
    handshake.forgetStaticStatic();
    handshake.ensureStaticStatic(crypto, identity);
    const secret = handshake.staticStatic!;
    const before = secret.slice();
    handshake.forgetStaticStatic();
    expect(secret).toEqual(new Uint8Array(32));
    expect(handshake.staticStatic).toBeUndefined();
    handshake.ensureStaticStatic(crypto, identity);
    expect(handshake.staticStatic).toEqual(before);
  });

  it('can create a second handshake, which shares the keys and the last initiation', () => {
    const { alice } = createParties();
    const { handshake, crypto, identity } = alice;
    handshake.presharedKey = new PresharedKey();
    handshake.ensureStaticStatic(crypto, identity);
    initiate(alice);
    const other = handshake.createSecond();
    expect(other).toMatchObject({ state: 'zeroed', localIndex: 0, remoteIndex: 0 });
    expect(other.chainingKey).toEqual(new Uint8Array(32));
    for (const shared of [
      'remoteStaticPublic',
      'presharedKey',
      'staticStatic',
      'lastInitiation',
    ] as const) {
      expect(other[shared]).toBe(handshake[shared]);
    }
    other.clear();
    expect(handshake.state).toBe('initiation-created');
  });

  it('wipes all secrets when it is cleared', () => {
    const { alice, bob } = createParties();
    receiveInitiation(bob, initiate(alice));
    for (const { handshake } of [alice, bob]) {
      handshake.lastInitiation.timestamp.fill(0);
      handshake.lastInitiation.consumedAt = -Infinity;
      expect(snapshot(handshake)).not.toEqual(snapshot(new Handshake(LOW_ORDER_KEY)));
      handshake.clear();
      expect(snapshot(handshake)).toEqual(snapshot(new Handshake(LOW_ORDER_KEY)));
    }
  });

  it('has no secret for a low-order point', () => {
    const { alice } = createParties();
    const handshake = new Handshake(LOW_ORDER_KEY);
    expect(handshake.ensureStaticStatic(alice.crypto, alice.identity)).toBe(false);
  });
});
