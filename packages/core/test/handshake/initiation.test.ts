import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Handshake } from '../../src/handshake/handshake.ts';
import {
  consumeInitiation,
  createInitiation,
  forgetInitiation,
  openInitiationStatic,
} from '../../src/handshake/initiation.ts';
import { readInitiation } from '../../src/wire/messages.ts';
import {
  createParties,
  initiate,
  LOW_ORDER_KEY,
  receiveInitiation,
  receiveResponse,
  respond,
  snapshot,
  timestampOf,
} from './parties.ts';

const RUNS = Number(process.env['FC_NUM_RUNS'] ?? 300);

describe('createInitiation', () => {
  it('leaves the macs zero, and keeps the state that the response is read with', () => {
    const { alice } = createParties();
    const message = initiate(alice, 1, 0xfedcba98);
    expect(message.subarray(116)).toEqual(new Uint8Array(32));
    expect(readInitiation(message)?.senderIndex).toBe(0xfedcba98);
    expect(alice.handshake).toMatchObject({
      state: 'initiation-created',
      localIndex: 0xfedcba98,
    });
    expect(alice.crypto.dhPublicKey(alice.handshake.ephemeralPrivate)).toEqual(
      readInitiation(message)?.ephemeral,
    );
  });

  it('creates a new ephemeral key each time', () => {
    const { alice } = createParties();
    const [first, second] = [initiate(alice), initiate(alice)];
    expect(readInitiation(first)?.ephemeral).not.toEqual(readInitiation(second)?.ephemeral);
  });

  it('fails for a low-order point, and changes nothing', () => {
    const { alice } = createParties();
    const handshake = new Handshake(LOW_ORDER_KEY);
    const before = snapshot(handshake);
    const out = new Uint8Array(148).fill(0xee);
    const { crypto, identity, randomBytes } = alice;
    const values = { senderIndex: 1, timestamp: timestampOf(1), randomBytes };
    expect(createInitiation(crypto, identity, handshake, values, out)).toBe(false);
    expect(out).toEqual(new Uint8Array(148).fill(0xee));
    expect(snapshot(handshake)).toEqual(before);
  });
});

describe('openInitiationStatic', () => {
  it('returns the sender’s key without changing a handshake', () => {
    const { alice, bob } = createParties();
    const message = initiate(alice, 1, 77);
    const opened = openInitiationStatic(bob.crypto, bob.identity, message);
    expect([...(opened?.peerPublicKey ?? [])]).toEqual([...alice.identity.publicKey]);
    expect(opened?.senderIndex).toBe(77);
    expect(bob.handshake.state).toBe('zeroed');
  });

  it('keeps no view of the message', () => {
    const { alice, bob } = createParties();
    const message = initiate(alice);
    const opened = openInitiationStatic(bob.crypto, bob.identity, message);
    if (!opened) throw new Error('not opened');
    message.fill(0);
    expect(consumeInitiation(bob.crypto, bob.identity, opened, bob.handshake, 0)).toBeUndefined();
    expect(receiveResponse(alice, respond(bob))).toBeUndefined();
  });

  it('refuses a message that was made for another identity', () => {
    const { alice, bob } = createParties();
    const message = initiate(alice);
    expect(openInitiationStatic(alice.crypto, alice.identity, message)).toBeUndefined();
    expect(openInitiationStatic(bob.crypto, bob.identity, message)).toBeDefined();
  });

  it('refuses a low-order ephemeral key', () => {
    const { alice, bob } = createParties();
    const message = initiate(alice);
    message.set(LOW_ORDER_KEY, 8);
    expect(openInitiationStatic(bob.crypto, bob.identity, message)).toBeUndefined();
  });

  it('refuses random bytes, and does not throw', () => {
    const { bob } = createParties();
    const bytes = fc.uint8Array({ minLength: 144, maxLength: 144 });
    fc.assert(
      fc.property(bytes, fc.integer({ min: 0, max: 160 }), (rest, length) => {
        const message = Uint8Array.of(1, 0, 0, 0, ...rest);
        expect(openInitiationStatic(bob.crypto, bob.identity, message)).toBeUndefined();
        const other = message.slice(0, length);
        expect(openInitiationStatic(bob.crypto, bob.identity, other)).toBeUndefined();
      }),
      { numRuns: RUNS },
    );
  });
});

describe('forgetInitiation', () => {
  it('wipes the secrets of an initiation that is not consumed', () => {
    const { alice, bob } = createParties();
    const opened = openInitiationStatic(bob.crypto, bob.identity, initiate(alice))!;
    const { chainingKey, hash } = opened;
    expect(chainingKey).not.toEqual(new Uint8Array(32));
    forgetInitiation(opened);
    expect([chainingKey, hash]).toEqual([new Uint8Array(32), new Uint8Array(32)]);
  });
});

describe('consumeInitiation', () => {
  it('wipes the opened initiation in any case', () => {
    const { alice, bob } = createParties();
    const message = initiate(alice);
    for (const expected of [undefined, 'replayed-initiation']) {
      const opened = openInitiationStatic(bob.crypto, bob.identity, message)!;
      expect(consumeInitiation(bob.crypto, bob.identity, opened, bob.handshake, 0)).toBe(expected);
      expect([opened.chainingKey, opened.hash]).toEqual([new Uint8Array(32), new Uint8Array(32)]);
    }
  });

  it('accepts a new initiation, and keeps the state that the response is made from', () => {
    const { alice, bob } = createParties();
    const message = initiate(alice, 9, 77);
    expect(receiveInitiation(bob, message, 1234)).toBeUndefined();
    expect(bob.handshake).toMatchObject({
      state: 'initiation-consumed',
      remoteIndex: 77,
      lastInitiation: { consumedAt: 1234 },
    });
    expect(bob.handshake.lastInitiation.timestamp).toEqual(timestampOf(9));
    expect(bob.handshake.chainingKey).toEqual(alice.handshake.chainingKey);
    expect(bob.handshake.hash).toEqual(alice.handshake.hash);
  });

  it('drops a replay, and any timestamp that is not later than the latest', () => {
    const { alice, bob } = createParties();
    const [older, newer] = [initiate(alice, 5), initiate(alice, 6)];
    const same = initiate(alice, 6);
    expect(receiveInitiation(bob, newer, 0)).toBeUndefined();
    const before = snapshot(bob.handshake);
    for (const message of [newer, older, same]) {
      expect(receiveInitiation(bob, message, 60_000)).toBe('replayed-initiation');
    }
    expect(snapshot(bob.handshake)).toEqual(before);
    expect(receiveInitiation(bob, initiate(alice, 7), 60_000)).toBeUndefined();
  });

  it('detects replays after the handshake was cleared', () => {
    const { alice, bob } = createParties();
    const message = initiate(alice, 5);
    expect(receiveInitiation(bob, message, 0)).toBeUndefined();
    bob.handshake.clear();
    expect(receiveInitiation(bob, message, 60_000)).toBe('replayed-initiation');
  });

  it('drops an initiation that comes less than 20 ms after the last accepted initiation', () => {
    const { alice, bob } = createParties();
    expect(receiveInitiation(bob, initiate(alice, 1), 1000)).toBeUndefined();
    const next = initiate(alice, 2);
    const before = snapshot(bob.handshake);
    expect(receiveInitiation(bob, next, 1000)).toBe('initiation-flood');
    expect(receiveInitiation(bob, next, 1019)).toBe('initiation-flood');
    expect(snapshot(bob.handshake)).toEqual(before);
    expect(receiveInitiation(bob, next, 1020)).toBeUndefined();
  });

  it('refuses a timestamp that was sealed without the private key of the sender', () => {
    const { alice, bob } = createParties();
    // Mallory knows both public keys, so her msg.static is valid. She does not know alice's private
    // key. Bob's private key stands for any wrong key here.
    const { alice: mallory } = createParties();
    mallory.identity = { ...mallory.identity, privateKey: bob.identity.privateKey };
    mallory.handshake.staticStatic = new Uint8Array(32).fill(1);
    expect(receiveInitiation(bob, initiate(mallory, 9))).toBe('invalid-handshake');
    expect(bob.handshake.state).toBe('zeroed');
    expect(bob.handshake.lastInitiation.timestamp).toEqual(new Uint8Array(12));
    expect(receiveInitiation(bob, initiate(alice, 1))).toBeUndefined();
  });

  it('refuses a peer whose key is a low-order point', () => {
    const { alice, bob } = createParties();
    const opened = openInitiationStatic(bob.crypto, bob.identity, initiate(alice));
    if (!opened) throw new Error('not opened');
    const handshake = new Handshake(LOW_ORDER_KEY);
    expect(consumeInitiation(bob.crypto, bob.identity, opened, handshake, 0)).toBe(
      'invalid-handshake',
    );
  });

  it('refuses an initiation with a flipped bit, and does not change the handshake', () => {
    const { alice, bob } = createParties();
    const message = initiate(alice);
    const before = snapshot(bob.handshake);
    // The tags protect neither the first 8 bytes (type and sender index) nor the macs.
    fc.assert(
      fc.property(fc.integer({ min: 8 * 8, max: 116 * 8 - 1 }), (bit) => {
        // X25519 ignores the highest bit of a public key, but the hash does not.
        const mutated = message.slice();
        mutated[bit >> 3] ^= 1 << (bit & 7);
        expect(receiveInitiation(bob, mutated)).toBeDefined();
        expect(snapshot(bob.handshake)).toEqual(before);
      }),
      { numRuns: RUNS },
    );
    expect(receiveInitiation(bob, message)).toBeUndefined();
  });

  it('accepts an initiation while our own initiation waits for a response', () => {
    const { alice, bob } = createParties();
    initiate(bob);
    expect(receiveInitiation(bob, initiate(alice))).toBeUndefined();
    expect(bob.handshake.state).toBe('initiation-consumed');
  });
});
