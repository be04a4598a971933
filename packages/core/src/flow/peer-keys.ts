/**
 * The static keys of a peer: one, or two while the peer replaces the one by the other. A peer is a node,
 * its keys are attributes of it: allowed IPs, counters and sessions are the peer's.
 *
 * @module
 */
import type { EngineState } from '../engine-state.ts';
import { abandonPair } from './handshake-send.ts';
import { keyId, parsePublicKey, type PublicKey } from '../keys.ts';
import type { Peer } from '../peer/peer.ts';
import type { StaticPair } from '../peer/static-pair.ts';
import { endSession } from './session-lifecycle.ts';
import { pairOf } from './static-pairs.ts';

/**
 * Sets or takes away the key that the peer goes over to. The sessions of the one before end with it. A
 * key that the peer has is no next one.
 */
export function setNextKey(state: EngineState, peer: Peer, key: PublicKey | undefined): void {
  const id = key && keyId(key);
  if (id === peer.nextId) return;
  dropNextKey(state, peer);
  if (!key || id === undefined || id === peer.id) return;
  peer.nextKey = parsePublicKey(key);
  peer.nextId = id;
  state.peers.addKey(id, peer);
}

export function dropNextKey(state: EngineState, peer: Peer): void {
  const { nextKey, nextId } = peer;
  if (!nextKey || nextId === undefined) return;
  state.peers.deleteKey(nextId);
  peer.nextKey = undefined;
  peer.nextId = undefined;
  forgetOldPairs(state, peer);
  peer.keypairs.clearOf(nextKey, state.indices);
  if (!peer.keypairs.current) endSession(state, peer);
}

/** The next key is the peer's name from now on, the old one is forgotten. Nothing else changes. */
export function promoteKey(state: EngineState, peer: Peer): void {
  const { nextKey, nextId, id } = peer;
  if (!nextKey || nextId === undefined) return;
  // To those who know it by the old key only.
  state.outputs.news(peer, 'removed');
  state.peers.deleteKey(id);
  peer.publicKey = nextKey;
  peer.id = nextId;
  peer.nextKey = undefined;
  peer.nextId = undefined;
  peer.unusable = false;
  forgetOldPairs(state, peer);
  state.outputs.trace(peer, 'key-promoted');
  state.outputs.news(peer, 'present');
}

/**
 * Forgets the pairs of keys that are no more. What is left of the preferred one stays preferred: the
 * peer's key as it was used, or ours.
 */
export function forgetOldPairs(state: EngineState, peer: Peer): void {
  const preferred = peer.pair;
  if (!preferred) return;
  const kept: StaticPair<Peer>[] = [];
  for (const pair of peer.pairs()) {
    if (isOurs(state, pair) && isTheirs(pair)) kept.push(pair);
    else forgetPair(state, pair);
  }
  peer.pair = undefined;
  peer.otherPairs = undefined;
  const identity = isOurs(state, preferred) ? preferred.identity : state.identity;
  if (!identity) return;
  const remoteKey = isTheirs(preferred) ? preferred.remoteKey : peer.publicKey;
  const wanted = kept.find((pair) => pair.identity === identity && pair.remoteKey === remoteKey);
  peer.pair = wanted;
  const pair = pairOf(peer, identity, remoteKey);
  const others = kept.filter((other) => other !== pair);
  if (others.length > 0) peer.otherPairs = others;
}

/** Wipes what is secret. It is not used afterwards. */
export function forgetPair(state: EngineState, pair: StaticPair<Peer>): void {
  abandonPair(state, pair);
  pair.handshake.forgetStaticStatic();
  pair.macs?.clear();
}

function isOurs({ identity, nextIdentity }: EngineState, pair: StaticPair<Peer>): boolean {
  return pair.identity === identity || pair.identity === nextIdentity;
}

function isTheirs({ peer, remoteKey }: StaticPair<Peer>): boolean {
  return remoteKey === peer.publicKey || remoteKey === peer.nextKey;
}
