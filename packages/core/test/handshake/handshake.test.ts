import { describe, expect, it } from 'vitest';
import { Handshake } from '../../src/handshake/handshake.ts';
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

  it('wipes all that is secret when it is cleared', () => {
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

  it('has no secret with a low-order point', () => {
    const { alice } = createParties();
    const handshake = new Handshake(LOW_ORDER_KEY);
    expect(handshake.ensureStaticStatic(alice.crypto, alice.identity)).toBe(false);
  });
});
