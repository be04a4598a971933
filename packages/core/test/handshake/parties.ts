/**
 * Two sides of a handshake without an engine around them, for tests.
 *
 * @module
 */
import { referenceProvider, seededRandomBytes } from '@litz/testkit';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { Handshake } from '../../src/handshake/handshake.ts';
import {
  consumeInitiation,
  createInitiation,
  openInitiationStatic,
} from '../../src/handshake/initiation.ts';
import { consumeResponse, createResponse } from '../../src/handshake/response.ts';
import { createStaticIdentity, type StaticIdentity } from '../../src/handshake/static-identity.ts';
import type { DropReason } from '../../src/drop-reason.ts';
import { generatePrivateKey, type PublicKey } from '../../src/keys.ts';

export interface Party {
  crypto: CryptoProvider;
  identity: StaticIdentity;
  /** The handshake with the other party. */
  handshake: Handshake;
  randomBytes: (out: Uint8Array) => void;
}

export interface Parties {
  alice: Party;
  bob: Party;
}

/** Alice and bob know each other. Their keys are the same in each call. */
export function createParties(
  aliceCrypto: CryptoProvider = referenceProvider,
  bobCrypto: CryptoProvider = aliceCrypto,
): Parties {
  const [aliceRandom, bobRandom] = [seededRandomBytes(11), seededRandomBytes(22)];
  const aliceIdentity = createStaticIdentity(aliceCrypto, generatePrivateKey(aliceRandom));
  const bobIdentity = createStaticIdentity(bobCrypto, generatePrivateKey(bobRandom));
  return {
    alice: {
      crypto: aliceCrypto,
      identity: aliceIdentity,
      handshake: new Handshake(bobIdentity.publicKey),
      randomBytes: aliceRandom,
    },
    bob: {
      crypto: bobCrypto,
      identity: bobIdentity,
      handshake: new Handshake(aliceIdentity.publicKey),
      randomBytes: bobRandom,
    },
  };
}

/** Returns an initiation of the party. `seconds` is its timestamp. */
export function initiate(party: Party, seconds = 1, senderIndex = 0xa11ce): Uint8Array {
  const { crypto, identity, handshake, randomBytes } = party;
  const out = new Uint8Array(148);
  const values = { senderIndex, timestamp: timestampOf(seconds), randomBytes };
  if (!createInitiation(crypto, identity, handshake, values, out)) {
    throw new Error('no initiation');
  }
  return out;
}

/**
 * Opens and consumes an initiation. Returns the result of `consumeInitiation`, or `not-opened` if
 * the initiation cannot be opened.
 */
export function receiveInitiation(
  party: Party,
  message: Uint8Array,
  now = 0,
): DropReason | 'not-opened' | undefined {
  const { crypto, identity, handshake } = party;
  const opened = openInitiationStatic(crypto, identity, message);
  return opened ? consumeInitiation(crypto, identity, opened, handshake, now) : 'not-opened';
}

export function respond(party: Party, senderIndex = 0xb0b): Uint8Array {
  const { crypto, handshake, randomBytes } = party;
  const out = new Uint8Array(92);
  if (!createResponse(crypto, handshake, senderIndex, randomBytes, out)) {
    throw new Error('no response');
  }
  return out;
}

export function receiveResponse(party: Party, message: Uint8Array): DropReason | undefined {
  return consumeResponse(party.crypto, party.identity, party.handshake, message);
}

export function timestampOf(seconds: number): Uint8Array {
  const timestamp = new Uint8Array(12);
  new DataView(timestamp.buffer).setUint32(4, seconds);
  return timestamp;
}

/** Returns everything of a handshake that can change, for a comparison. */
export function snapshot(handshake: Handshake): object {
  const { state, localIndex, remoteIndex, lastInitiation } = handshake;
  const { timestamp: latestTimestamp, consumedAt: lastInitiationConsumedAt } = lastInitiation;
  const { chainingKey, hash, ephemeralPrivate, remoteEphemeral } = handshake;
  const bytes = [chainingKey, hash, ephemeralPrivate, remoteEphemeral, latestTimestamp];
  return {
    state,
    localIndex,
    remoteIndex,
    lastInitiationConsumedAt,
    bytes: bytes.map((part) => Buffer.from(part).toString('hex')),
  };
}

/** A low-order point. As a public key, it gives no shared secret with any private key. */
export const LOW_ORDER_KEY = Uint8Array.of(1, ...new Uint8Array(31)) as PublicKey;
