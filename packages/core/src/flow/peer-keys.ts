/**
 * Sets and replaces the static key of a peer. A peer has one key, or two while one replaces the
 * other. A peer stands for a node, and keys are its attributes: allowed IPs, counters and sessions
 * belong to the peer, not to a key.
 *
 * @module
 */
import type { EngineState } from '../engine-state.ts';
import { abandonPair } from './handshake-send.ts';
import { keyId, parsePublicKey, type PublicKey } from '../keys.ts';
import type { Peer } from '../peer/peer.ts';
import type { StaticPair } from '../peer/static-pair.ts';
import { reportExpiry } from './session-lifecycle.ts';
import { pairOf } from './static-pairs.ts';

/**
 * Sets or removes the peer's next key, which will replace its current key. Sessions that were made
 * with the previous next key end. If `key` is the peer's current key, the next key is removed.
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

/** Removes the peer's next key. Sessions that were made with it end. */
export function dropNextKey(state: EngineState, peer: Peer): void {
  const { nextKey, nextId } = peer;
  if (!nextKey || nextId === undefined) return;
  state.peers.deleteKey(nextId);
  peer.nextKey = undefined;
  peer.nextId = undefined;
  forgetOldPairs(state, peer);
  peer.keypairs.clearOfPeerKey(nextKey, state.indices);
  if (!peer.keypairs.current) reportExpiry(state, peer);
}

/**
 * Makes the next key the peer's only key. From now on, the peer is configured by this key. The old
 * key is forgotten. Sessions, allowed IPs and counters stay.
 */
export function promoteKey(state: EngineState, peer: Peer): void {
  const { nextKey, nextId, id } = peer;
  if (!nextKey || nextId === undefined) return;
  // This event is for readers who know the peer only by its old key.
  state.outputs.emitPeerEvent(peer, 'removed');
  state.peers.deleteKey(id);
  peer.publicKey = nextKey;
  peer.id = nextId;
  peer.nextKey = undefined;
  peer.nextId = undefined;
  peer.unusable = false;
  forgetOldPairs(state, peer);
  state.outputs.trace(peer, 'key-promoted');
  state.outputs.emitPeerEvent(peer, 'updated');
}

/**
 * Forgets each pair with a key that is no longer in use. If one key of the preferred pair is still
 * in use, the new preferred pair keeps that key.
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

/** Wipes the secrets of a pair. The pair is not used afterwards. */
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
