import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { equalBytes } from '../../src/crypto/equal-bytes.ts';
import type { PresharedKey } from '../../src/keys.ts';
import { createResponse } from '../../src/handshake/response.ts';
import { readResponse } from '../../src/wire/messages.ts';
import {
  createParties,
  initiate,
  LOW_ORDER_KEY,
  receiveInitiation,
  receiveResponse,
  respond,
  snapshot,
  type Parties,
} from './parties.ts';

const RUNS = Number(process.env['FC_NUM_RUNS'] ?? 300);

describe('createResponse', () => {
  it('answers with both indices and leaves the macs zero', () => {
    const { alice, bob } = createParties();
    receiveInitiation(bob, initiate(alice, 1, 0xfedcba98));
    const message = respond(bob, 0x89abcdef);
    expect(readResponse(message)).toMatchObject({
      senderIndex: 0x89abcdef,
      receiverIndex: 0xfedcba98,
    });
    expect(message.subarray(60)).toEqual(new Uint8Array(32));
    expect(bob.handshake.state).toBe('response-created');
  });

  it('fails without an initiation, and answers an initiation once', () => {
    const { alice, bob } = createParties();
    const { crypto, handshake, randomBytes } = bob;
    const out = new Uint8Array(92);
    expect(createResponse(crypto, handshake, 1, randomBytes, out)).toBe(false);
    receiveInitiation(bob, initiate(alice));
    expect(createResponse(crypto, handshake, 1, randomBytes, out)).toBe(true);
    expect(createResponse(crypto, handshake, 1, randomBytes, out)).toBe(false);
  });

  it('fails for a low-order ephemeral key, and changes nothing', () => {
    const { alice, bob } = createParties();
    receiveInitiation(bob, initiate(alice));
    bob.handshake.remoteEphemeral.set(LOW_ORDER_KEY);
    const before = snapshot(bob.handshake);
    const { crypto, handshake, randomBytes } = bob;
    const out = new Uint8Array(92);
    expect(createResponse(crypto, handshake, 1, randomBytes, out)).toBe(false);
    expect(snapshot(handshake)).toEqual(before);
    expect(out).toEqual(new Uint8Array(92));
  });
});

describe('consumeResponse', () => {
  it('ends with the same chaining key and hash on both sides', () => {
    const { alice, bob } = answered();
    expect(receiveResponse(alice, bob.response)).toBeUndefined();
    expect(alice.handshake).toMatchObject({ state: 'response-consumed', remoteIndex: 0xb0b });
    expect(alice.handshake.chainingKey).toEqual(bob.handshake.chainingKey);
    expect(alice.handshake.hash).toEqual(bob.handshake.hash);
  });

  it('accepts one response, and only while the handshake waits for a response', () => {
    const { alice, bob } = answered();
    expect(receiveResponse(bob, bob.response)).toBe('unexpected-response');
    expect(receiveResponse(alice, bob.response)).toBeUndefined();
    const before = snapshot(alice.handshake);
    expect(receiveResponse(alice, bob.response)).toBe('unexpected-response');
    expect(snapshot(alice.handshake)).toEqual(before);
  });

  it('drops a response to any initiation except the last one', () => {
    const { alice, bob } = answered();
    initiate(alice, 2);
    const before = snapshot(alice.handshake);
    expect(receiveResponse(alice, bob.response)).toBe('invalid-handshake');
    expect(snapshot(alice.handshake)).toEqual(before);
  });

  it('refuses a response with a flipped bit, and still waits for the right response', () => {
    const { alice, bob } = answered();
    const before = snapshot(alice.handshake);
    // The tag protects neither the first 12 bytes (type and indices) nor the macs.
    fc.assert(
      fc.property(fc.integer({ min: 12 * 8, max: 60 * 8 - 1 }), (bit) => {
        const mutated = bob.response.slice();
        mutated[bit >> 3] ^= 1 << (bit & 7);
        expect(receiveResponse(alice, mutated)).toBe('invalid-handshake');
        expect(snapshot(alice.handshake)).toEqual(before);
      }),
      { numRuns: RUNS },
    );
    expect(receiveResponse(alice, bob.response)).toBeUndefined();
  });

  it('refuses random bytes, and does not throw', () => {
    const { alice, bob } = answered();
    const before = snapshot(alice.handshake);
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 120, size: 'max' }),
        fc.boolean(),
        (bytes, isAlmostRight) => {
          const message = isAlmostRight ? bob.response.slice() : bytes;
          if (isAlmostRight) message.set(bytes.subarray(0, 48), 12);
          fc.pre(!equalBytes(message, bob.response));
          expect(receiveResponse(alice, message)).toBe('invalid-handshake');
        },
      ),
      { numRuns: RUNS },
    );
    expect(snapshot(alice.handshake)).toEqual(before);
  });

  it('refuses a low-order ephemeral key', () => {
    const { alice, bob } = answered();
    bob.response.set(LOW_ORDER_KEY, 12);
    expect(receiveResponse(alice, bob.response)).toBe('invalid-handshake');
  });

  it('needs the same preshared key on both sides', () => {
    const key = new Uint8Array(32).fill(5) as PresharedKey;
    for (const [ofAlice, ofBob, outcome] of [
      [key, key, undefined],
      [key, undefined, 'invalid-handshake'],
      [undefined, key, 'invalid-handshake'],
    ] as const) {
      const parties = createParties();
      if (ofAlice) parties.alice.handshake.presharedKey = ofAlice;
      if (ofBob) parties.bob.handshake.presharedKey = ofBob;
      const { alice, bob } = answered(parties);
      expect(receiveResponse(alice, bob.response)).toBe(outcome);
    }
  });
});

/** Alice has sent an initiation, and bob has answered it. */
function answered(
  parties: Parties = createParties(),
): Parties & { bob: Parties['bob'] & { response: Uint8Array } } {
  const { alice, bob } = parties;
  receiveInitiation(bob, initiate(alice));
  return { alice, bob: { ...bob, response: respond(bob) } };
}
