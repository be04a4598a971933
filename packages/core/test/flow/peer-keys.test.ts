import { describe, expect, it } from 'vitest';
import {
  dropNextKey,
  forgetOldPairs,
  forgetPair,
  promoteKey,
  setNextKey,
} from '../../src/flow/peer-keys.ts';
import { pairOf, preferPair } from '../../src/flow/static-pairs.ts';
import { createStaticIdentity, type StaticIdentity } from '../../src/handshake/static-identity.ts';
import { keyId, parsePrivateKey, type PublicKey } from '../../src/keys.ts';
import { withSession, type WithSession } from './with-session.ts';

describe('setNextKey', () => {
  it('copies the key, and lists the peer under it', () => {
    const { state, peer } = withSession();
    const key = keyOf(state, 8);
    setNextKey(state, peer, key);
    expect(peer.nextKey).toEqual(key);
    expect(peer.nextKey).not.toBe(key);
    expect(peer.nextId).toBe(keyId(key));
    expect(state.peers.get(keyId(key))).toBe(peer);
  });

  it('changes nothing if the key is already the next key', () => {
    const { state, peer } = withSession();
    const key = keyOf(state, 8);
    setNextKey(state, peer, key);
    const { nextKey } = peer;
    setNextKey(state, peer, key);
    expect(peer.nextKey).toBe(nextKey);
  });

  it('replaces or removes the next key that was set before', () => {
    const { state, peer } = withSession();
    const [first, second] = [keyOf(state, 7), keyOf(state, 8)];
    setNextKey(state, peer, first);
    setNextKey(state, peer, second);
    expect(state.peers.get(keyId(first))).toBeUndefined();
    expect(peer.nextKey).toEqual(second);
    setNextKey(state, peer, undefined);
    expect([peer.nextKey, peer.nextId]).toEqual([undefined, undefined]);
    expect(state.peers.get(keyId(second))).toBeUndefined();
  });

  it('removes the next key if the given key is the current key of the peer', () => {
    const { state, peer } = withSession();
    setNextKey(state, peer, keyOf(state, 8));
    setNextKey(state, peer, peer.publicKey);
    expect([peer.nextKey, peer.nextId]).toEqual([undefined, undefined]);
    expect(state.peers.get(peer.id)).toBe(peer);
  });
});

describe('dropNextKey', () => {
  it('ends the sessions of the next key, and no other sessions', () => {
    const { state, peer, events } = withSession();
    const { current } = peer.keypairs;
    setNextKey(state, peer, keyOf(state, 8));
    dropNextKey(state, peer);
    expect(peer.keypairs.current).toBe(current);
    expect(events()).toEqual([]);
    setNextKey(state, peer, keyOf(state, 8));
    Object.defineProperty(current!.staticKeys, 'peer', { value: peer.nextKey });
    dropNextKey(state, peer);
    expect(peer.keypairs.current).toBeUndefined();
    expect(events()).toEqual([{ type: 'session', peer: peer.publicKey, state: 'expired' }]);
  });

  it('forgets the pairs with the next key', () => {
    const { state, peer } = withSession();
    const first = peer.pair;
    setNextKey(state, peer, keyOf(state, 8));
    preferPair(pairOf(peer, state.identity!, peer.nextKey!));
    dropNextKey(state, peer);
    expect([...peer.pairs()]).toEqual([first]);
  });
});

describe('promoteKey', () => {
  it('lists the peer under the new key, and emits events for both keys', () => {
    const { state, peer, events } = withSession();
    const { publicKey: old, id } = peer;
    const key = keyOf(state, 8);
    setNextKey(state, peer, key);
    peer.unusable = true;
    state.outputs.traces = true;
    state.outputs.emitsPeerEvents = true;
    promoteKey(state, peer);
    expect(peer).toMatchObject({
      id: keyId(key),
      nextKey: undefined,
      nextId: undefined,
      unusable: false,
      sessionUp: true,
    });
    expect(peer.publicKey).toEqual(key);
    expect([state.peers.get(id), state.peers.get(keyId(key))]).toEqual([undefined, peer]);
    expect(events()).toMatchObject([
      { type: 'peer', peer: old, change: 'removed' },
      { type: 'trace', peer: peer.publicKey, step: 'key-promoted' },
      { type: 'peer', peer: peer.publicKey, change: 'updated' },
    ]);
    expect([...peer.pairs()].map(({ remoteKey }) => remoteKey)).toEqual([peer.publicKey]);
  });

  it('changes nothing without a next key', () => {
    const { state, peer, events } = withSession();
    const { id, pair } = peer;
    state.outputs.emitsPeerEvents = true;
    promoteKey(state, peer);
    expect([peer.id, peer.pair, events()]).toEqual([id, pair, []]);
  });
});

describe('forgetOldPairs', () => {
  it('keeps the pairs whose keys are both in use; the new preferred pair shares a key with the forgotten pair', () => {
    const { state, peer } = withSession();
    const next = (state.nextIdentity = identityOf(state, 9));
    setNextKey(state, peer, keyOf(state, 8));
    const [key, nextKey] = [peer.publicKey, peer.nextKey!];
    const own = state.identity!;
    const pairs = [
      pairOf(peer, own, key),
      pairOf(peer, own, nextKey),
      pairOf(peer, next, key),
      pairOf(peer, next, nextKey),
    ];
    preferPair(pairs[3]);
    forgetOldPairs(state, peer);
    expect([...peer.pairs()]).toEqual([pairs[3], pairs[0], pairs[1], pairs[2]]);
    state.nextIdentity = undefined;
    forgetOldPairs(state, peer);
    expect(peer.pair).toBe(pairs[1]);
    expect(peer.otherPairs).toEqual([pairs[0]]);
    peer.nextKey = undefined;
    forgetOldPairs(state, peer);
    expect(peer.pair).toBe(pairs[0]);
    expect(peer.otherPairs).toBeUndefined();
  });

  it('creates a pair if none is left, with the one key of the old preferred pair that is still in use', () => {
    const { state, peer } = withSession();
    const old = peer.pair!;
    setNextKey(state, peer, keyOf(state, 8));
    const crossed = pairOf(peer, state.identity!, peer.nextKey!);
    state.identity = identityOf(state, 9);
    preferPair(crossed);
    forgetOldPairs(state, peer);
    expect([...peer.pairs()].map(({ identity, remoteKey }) => [identity, remoteKey])).toEqual([
      [state.identity, peer.nextKey],
    ]);
    expect([old, crossed].map(({ handshake }) => handshake.staticStatic)).toEqual([
      undefined,
      undefined,
    ]);
  });

  it('forgets all pairs if we have no identity, and creates no pair for a peer without pairs', () => {
    const { state, peer } = withSession();
    state.identity = undefined;
    forgetOldPairs(state, peer);
    expect([...peer.pairs()]).toEqual([]);
    state.identity = identityOf(state, 9);
    forgetOldPairs(state, peer);
    expect([...peer.pairs()]).toEqual([]);
  });
});

describe('forgetPair', () => {
  it('wipes the handshake, the shared secret and the cookie', () => {
    const { state, peer } = withSession();
    const pair = peer.pair!;
    const secret = pair.handshake.staticStatic!;
    let cleared = 0;
    pair.macs!.clear = () => void cleared++;
    pair.index = state.indices.reserve(pair);
    const { index } = pair;
    forgetPair(state, pair);
    expect(secret).toEqual(new Uint8Array(32));
    expect(pair.handshake.staticStatic).toBeUndefined();
    expect(state.indices.handshake(index)).toBeUndefined();
    expect(cleared).toBe(1);
    pair.macs = undefined;
    forgetPair(state, pair);
  });
});

function identityOf({ crypto }: WithSession['state'], number: number): StaticIdentity {
  return createStaticIdentity(crypto, parsePrivateKey(new Uint8Array(32).fill(number)));
}

function keyOf(state: WithSession['state'], number: number): PublicKey {
  return identityOf(state, number).publicKey;
}
