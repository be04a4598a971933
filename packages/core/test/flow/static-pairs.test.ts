import { describe, expect, it } from 'vitest';
import type { EngineState } from '../../src/engine-state.ts';
import {
  isProbing,
  noteInitiation,
  noteSession,
  otherKey,
  pairOf,
  pairOfSession,
  preferPair,
  preferredPair,
} from '../../src/flow/static-pairs.ts';
import type { StaticIdentity } from '../../src/handshake/static-identity.ts';
import { PublicKey } from '../../src/keys.ts';
import type { Keypair } from '../../src/peer/keypairs.ts';
import { Peer } from '../../src/peer/peer.ts';
import { StaticPair } from '../../src/peer/static-pair.ts';

const OWN = {} as StaticIdentity;
const NEXT = {} as StaticIdentity;
const STATE = { identity: OWN, nextIdentity: NEXT } as EngineState;

describe('pairOf', () => {
  it('creates a pair once, and then returns the same object', () => {
    const { peer, key, nextKey } = peerWithTwoKeys();
    const first = preferredPair(peer, OWN);
    expect(first).toBeInstanceOf(StaticPair);
    expect(pairOf(peer, OWN, key)).toBe(first);
    const second = pairOf(peer, NEXT, key);
    const third = pairOf(peer, OWN, nextKey);
    expect(pairOf(peer, NEXT, key)).toBe(second);
    expect([...peer.pairs()]).toEqual([first, second, third]);
    expect(preferredPair(peer, OWN)).toBe(first);
  });

  it('loses no pair when another pair is preferred', () => {
    const { peer, nextKey } = peerWithTwoKeys();
    const first = preferredPair(peer, OWN);
    const second = pairOf(peer, NEXT, nextKey);
    preferPair(second);
    expect([...peer.pairs()]).toEqual([second, first]);
    preferPair(second);
    expect([...peer.pairs()]).toEqual([second, first]);
  });
});

describe('noteInitiation', () => {
  it('prefers the key that the peer used, and changes to the next identity but not back', () => {
    const { peer, key, nextKey } = peerWithTwoKeys();
    preferredPair(peer, OWN);
    noteInitiation(STATE, pairOf(peer, OWN, nextKey));
    expect(peer.pair).toBe(pairOf(peer, OWN, nextKey));
    noteInitiation(STATE, pairOf(peer, NEXT, nextKey));
    expect(peer.pair).toBe(pairOf(peer, NEXT, nextKey));
    // This initiation may be older than the last initiation, so it does not show that the peer has
    // forgotten the next identity. Only the preferred key changes.
    noteInitiation(STATE, pairOf(peer, OWN, key));
    expect(peer.pair).toBe(pairOf(peer, NEXT, key));
  });
});

describe('noteInitiation of the preferred pair', () => {
  it('resets the count of unanswered probes, and does not set a preferred pair if there is none', () => {
    const { peer, key } = peerWithTwoKeys();
    const first = preferredPair(peer, OWN);
    const other = pairOf(peer, NEXT, key);
    peer.unansweredProbes = 3;
    noteInitiation(STATE, first);
    expect(peer.unansweredProbes).toBe(0);
    expect([...peer.pairs()]).toEqual([first, other]);
    peer.pair = undefined;
    noteInitiation(STATE, other);
    noteSession(other, 'responder');
    expect(peer.pair).toBeUndefined();
    expect(isProbing(STATE, other)).toBe(true);
  });
});

describe('pairOfSession', () => {
  it('finds the pair by both keys of the session', () => {
    const { peer, key, nextKey } = peerWithTwoKeys();
    const own = { publicKey: new PublicKey(32) } as StaticIdentity;
    const next = { publicKey: new PublicKey(32) } as StaticIdentity;
    const pairs = [
      pairOf(peer, own, key),
      pairOf(peer, own, nextKey),
      pairOf(peer, next, key),
      pairOf(peer, next, nextKey),
    ];
    const found = pairs.map(({ identity, remoteKey }) =>
      pairOfSession({
        peer,
        staticKeys: { own: identity.publicKey, peer: remoteKey },
      } as Keypair<Peer>),
    );
    expect(found).toEqual(pairs);
    expect(found.map((pair, i) => pair === pairs[i])).toEqual([true, true, true, true]);
    const staticKeys = { own: new PublicKey(32), peer: key };
    expect(pairOfSession({ peer, staticKeys } as Keypair<Peer>)).toBeUndefined();
  });
});

describe('noteSession', () => {
  it('prefers the pair of the session', () => {
    const { peer, key, nextKey } = peerWithTwoKeys();
    preferredPair(peer, OWN);
    pairOf(peer, NEXT, nextKey).sentAt = 1;
    noteSession(pairOf(peer, NEXT, nextKey), 'initiator');
    expect(peer.pair).toBe(pairOf(peer, NEXT, nextKey));
    noteSession(pairOf(peer, OWN, key), 'responder');
    expect(peer.pair).toBe(pairOf(peer, OWN, key));
  });

  it('prefers the key of the peer’s last initiation if that initiation came after our initiation to the other key', () => {
    const { peer, key, nextKey } = peerWithTwoKeys();
    const answered = preferredPair(peer, OWN);
    answered.sentAt = 10;
    const crossed = pairOf(peer, OWN, nextKey);
    crossed.handshake.lastInitiation.consumedAt = 11;
    noteInitiation(STATE, crossed);
    noteSession(answered, 'initiator');
    expect(peer.pair).toBe(crossed);
    answered.sentAt = 12;
    noteSession(answered, 'initiator');
    expect(peer.pair).toBe(pairOf(peer, OWN, key));
  });
});

describe('isProbing', () => {
  it('is true for a pair of the next identity until the next identity is preferred', () => {
    const { peer, key } = peerWithTwoKeys();
    const first = preferredPair(peer, OWN);
    const second = pairOf(peer, NEXT, key);
    expect([isProbing(STATE, first), isProbing(STATE, second)]).toEqual([false, true]);
    preferPair(second);
    expect([isProbing(STATE, first), isProbing(STATE, second)]).toEqual([false, false]);
  });
});

describe('otherKey', () => {
  it('returns the other key of the peer, or undefined if it has one key', () => {
    const { peer, key, nextKey } = peerWithTwoKeys();
    expect([otherKey(peer, key), otherKey(peer, nextKey)]).toEqual([nextKey, key]);
    peer.nextKey = undefined;
    expect(otherKey(peer, key)).toBeUndefined();
  });
});

function peerWithTwoKeys(): { peer: Peer; key: PublicKey; nextKey: PublicKey } {
  const key = new PublicKey(32);
  const nextKey = new PublicKey(32);
  const peer = new Peer(key, 'id', 0, 1);
  peer.nextKey = nextKey;
  return { peer, key, nextKey };
}
