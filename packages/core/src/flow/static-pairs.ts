/**
 * Chooses the keys of a handshake: one of our identities, and one static key of the peer.
 *
 * Most of the time, each side has one key. While a key is being replaced, both keys are valid. Two
 * facts are learned from handshakes alone:
 *
 * - Which of its keys the peer uses: the key of the peer's last initiation or last response.
 * - Whether the peer knows our next key. The peer knows the key if it sent an initiation to that
 *   key, or answered an initiation from that key. From then on only the next identity is used with
 *   this peer, until a session with the old identity shows that the peer has lost the next key.
 *
 * @module
 */
import type { EngineState } from '../engine-state.ts';
import type { StaticIdentity } from '../handshake/static-identity.ts';
import type { PublicKey } from '../keys.ts';
import type { Keypair } from '../peer/keypairs.ts';
import type { Peer } from '../peer/peer.ts';
import { StaticPair } from '../peer/static-pair.ts';

/**
 * Returns the pair that new handshakes with the peer use. Creates it with `identity` and the peer's
 * current key if there is none.
 */
export function preferredPair(peer: Peer, identity: StaticIdentity): StaticPair<Peer> {
  return (peer.pair ??= new StaticPair(peer, identity, peer.publicKey));
}

/**
 * Returns the pair of these two keys. Creates it when it is first needed.
 *
 * @param remoteKey the peer's own key object; keys are compared by reference
 */
export function pairOf(
  peer: Peer,
  identity: StaticIdentity,
  remoteKey: PublicKey,
): StaticPair<Peer> {
  for (const pair of peer.pairs()) {
    if (pair.identity === identity && pair.remoteKey === remoteKey) return pair;
  }
  const pair = new StaticPair(peer, identity, remoteKey);
  if (peer.pair) (peer.otherPairs ??= []).push(pair);
  else peer.pair = pair;
  return pair;
}

/** Makes this pair the one that new handshakes use. */
export function preferPair(pair: StaticPair<Peer>): void {
  const { peer } = pair;
  if (peer.pair === pair) return;
  const others = [...peer.pairs()].filter((other) => other !== pair);
  peer.pair = pair;
  peer.otherPairs = others;
}

/** Updates the preferred pair after the peer sent an initiation with this pair. */
export function noteInitiation(state: EngineState, pair: StaticPair<Peer>): void {
  const { peer, identity, remoteKey } = pair;
  peer.unansweredProbes = 0;
  if (peer.pair === pair || !peer.pair) return;
  const knowsNext = identity === state.nextIdentity;
  preferPair(pairOf(peer, knowsNext ? identity : peer.pair.identity, remoteKey));
}

/**
 * Updates the preferred pair after a session that was made with this pair became the current
 * session.
 */
export function noteSession(pair: StaticPair<Peer>, role: 'initiator' | 'responder'): void {
  const { peer, identity, remoteKey } = pair;
  if (peer.pair === pair || !peer.pair) return;
  const isOutdated = role === 'initiator' && hasInitiatedSince(pair);
  preferPair(pairOf(peer, identity, isOutdated ? peer.pair.remoteKey : remoteKey));
}

/**
 * Returns the pair that a session was made with; undefined if one of its keys is no longer in use.
 */
export function pairOfSession({ peer, staticKeys }: Keypair<Peer>): StaticPair<Peer> | undefined {
  for (const pair of peer.pairs()) {
    if (pair.identity.publicKey === staticKeys.own && pair.remoteKey === staticKeys.peer)
      return pair;
  }
  return undefined;
}

/**
 * Returns whether a pair belongs to the next identity while it is not yet known whether the peer
 * knows that identity.
 */
export function isProbing(state: EngineState, pair: StaticPair<Peer>): boolean {
  const { nextIdentity } = state;
  return pair.identity === nextIdentity && pair.peer.pair?.identity !== nextIdentity;
}

/** Returns the peer's other key; undefined if the peer has only one. */
export function otherKey(peer: Peer, key: PublicKey): PublicKey | undefined {
  return key === peer.publicKey ? peer.nextKey : peer.publicKey;
}

/**
 * Returns whether the peer initiated with another of its keys after we sent our initiation with
 * this pair.
 */
function hasInitiatedSince(pair: StaticPair<Peer>): boolean {
  for (const { remoteKey, handshake } of pair.peer.pairs()) {
    const isOther = remoteKey !== pair.remoteKey;
    if (isOther && handshake.lastInitiation.consumedAt >= pair.sentAt) return true;
  }
  return false;
}
