/**
 * Which identity of ours and which static key of a peer a handshake is made with.
 *
 * There is one of each, most of the time. While a key is being replaced both are good, and this is known
 * from handshakes alone:
 *
 * - which of its keys the peer uses: the one that it last initiated with, or that last answered us;
 * - whether the peer knows our next key: it initiated to that, or answered it. From then on it is spoken
 *   to only by the next identity, until a session with the old one shows that it has forgotten.
 *
 * @module
 */
import type { EngineState } from '../engine-state.ts';
import type { StaticIdentity } from '../handshake/static-identity.ts';
import type { PublicKey } from '../keys.ts';
import type { Keypair } from '../peer/keypairs.ts';
import type { Peer } from '../peer/peer.ts';
import { StaticPair } from '../peer/static-pair.ts';

/** The pair that a handshake with the peer is made with, if nothing says otherwise. */
export function preferredPair(peer: Peer, identity: StaticIdentity): StaticPair<Peer> {
  return (peer.pair ??= new StaticPair(peer, identity, peer.publicKey));
}

/** The pair of these two, made when it is first needed. `remoteKey`: the peer's own object. */
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

/** The next handshakes are made with this one of the peer's pairs. */
export function preferPair(pair: StaticPair<Peer>): void {
  const { peer } = pair;
  if (peer.pair === pair) return;
  const others = [...peer.pairs()].filter((other) => other !== pair);
  peer.pair = pair;
  peer.otherPairs = others;
}

/** The peer initiated with this pair. */
export function noteInitiation(state: EngineState, pair: StaticPair<Peer>): void {
  const { peer, identity, remoteKey } = pair;
  peer.unansweredProbes = 0;
  if (peer.pair === pair || !peer.pair) return;
  const knowsNext = identity === state.nextIdentity;
  preferPair(pairOf(peer, knowsNext ? identity : peer.pair.identity, remoteKey));
}

/** The session that was made with this pair is the one that is sent with now. */
export function noteSession(pair: StaticPair<Peer>, role: 'initiator' | 'responder'): void {
  const { peer, identity, remoteKey } = pair;
  if (peer.pair === pair || !peer.pair) return;
  const isOutdated = role === 'initiator' && hasInitiatedSince(pair);
  preferPair(pairOf(peer, identity, isOutdated ? peer.pair.remoteKey : remoteKey));
}

/** The pair of the peer's that made a session; undefined if one of its keys is no more. */
export function pairOfSession({ peer, statics }: Keypair<Peer>): StaticPair<Peer> | undefined {
  for (const pair of peer.pairs()) {
    if (pair.identity.publicKey === statics.own && pair.remoteKey === statics.peer) return pair;
  }
  return undefined;
}

/** Whether a pair is of the next identity and the peer is not known to know that. */
export function isProbing(state: EngineState, pair: StaticPair<Peer>): boolean {
  const { nextIdentity } = state;
  return pair.identity === nextIdentity && pair.peer.pair?.identity !== nextIdentity;
}

/** The other key of the peer's; undefined if it has one. */
export function otherKey(peer: Peer, key: PublicKey): PublicKey | undefined {
  return key === peer.publicKey ? peer.nextKey : peer.publicKey;
}

/** The peer used another key of its own after our initiation with this pair had left. */
function hasInitiatedSince(pair: StaticPair<Peer>): boolean {
  for (const { remoteKey, handshake } of pair.peer.pairs()) {
    const isOther = remoteKey !== pair.remoteKey;
    if (isOther && handshake.lastInitiation.consumedAt >= pair.sentAt) return true;
  }
  return false;
}
