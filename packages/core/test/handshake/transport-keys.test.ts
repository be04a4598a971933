import { referenceProvider } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { nobleProvider } from '../../src/crypto/noble.ts';
import { deriveTransportKeys } from '../../src/handshake/transport-keys.ts';
import {
  createParties,
  initiate,
  receiveInitiation,
  receiveResponse,
  respond,
  snapshot,
} from './parties.ts';

const PROVIDERS = [nobleProvider, referenceProvider];
const MATRIX = PROVIDERS.flatMap((initiator) =>
  PROVIDERS.map((responder) => ({ initiator, responder })),
);

describe('deriveTransportKeys', () => {
  it.each(MATRIX)(
    'returns a sendKey that is the receiveKey of the other side: initiator on $initiator.name, responder on $responder.name',
    ({ initiator, responder }) => {
      const { alice, bob } = createParties(initiator, responder);
      expect(receiveInitiation(bob, initiate(alice))).toBeUndefined();
      expect(receiveResponse(alice, respond(bob))).toBeUndefined();
      const ofAlice = deriveTransportKeys(alice.crypto, alice.handshake);
      const ofBob = deriveTransportKeys(bob.crypto, bob.handshake);
      expect(ofAlice.sendKey).toEqual(ofBob.receiveKey);
      expect(ofAlice.receiveKey).toEqual(ofBob.sendKey);
      expect(ofAlice.sendKey).not.toEqual(ofAlice.receiveKey);
    },
  );

  it('wipes the handshake, except the latest timestamp', () => {
    const { alice, bob } = createParties();
    receiveInitiation(bob, initiate(alice, 3), 40);
    const latest = bob.handshake.lastInitiation.timestamp.slice();
    respond(bob);
    deriveTransportKeys(bob.crypto, bob.handshake);
    const zero = '00'.repeat(32);
    expect(snapshot(bob.handshake)).toEqual({
      state: 'zeroed',
      localIndex: 0,
      remoteIndex: 0,
      lastInitiationConsumedAt: 40,
      bytes: [zero, zero, zero, zero, Buffer.from(latest).toString('hex')],
    });
  });

  it('refuses a handshake that is not finished', () => {
    const { alice } = createParties();
    initiate(alice);
    expect(() => deriveTransportKeys(alice.crypto, alice.handshake)).toThrow(
      '"handshake" expected a finished handshake, got state initiation-created',
    );
  });
});
