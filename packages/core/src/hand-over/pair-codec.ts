/**
 * `codePairs`: writes or reads the static pairs of a peer as a part of a handed-over state:
 * handshakes in progress, greatest timestamps, cookies.
 *
 * @module
 */
import { MacSender } from '../cookie/macs.ts';
import type { EngineState } from '../engine-state.ts';
import type { Handshake, HandshakeState } from '../handshake/handshake.ts';
import type { Peer } from '../peer/peer.ts';
import { StaticPair } from '../peer/static-pair.ts';
import type { StateCodec } from './state-codec.ts';

/**
 * Writes or reads all pairs of a peer, the preferred one first. The keys of the peer and our own
 * keys must have been written or read before.
 */
export function codePairs(codec: StateCodec, state: EngineState, peer: Peer): void {
  const pairs = [...peer.pairs()];
  const count = codec.number(pairs.length);
  for (let i = 0; i < count; i++) {
    const pair = codePair(codec, state, peer, pairs[i]);
    if (!codec.isReading) continue;
    if (i === 0) peer.pair = pair;
    else (peer.otherPairs ??= []).push(pair);
  }
}

function codePair(
  codec: StateCodec,
  state: EngineState,
  peer: Peer,
  existing: StaticPair<Peer> | undefined,
): StaticPair<Peer> {
  const { identity, nextIdentity } = state;
  const isNextOfOurs = codec.flag(existing?.identity === nextIdentity && existing !== undefined);
  const isNextOfTheirs = codec.flag(existing?.remoteKey === peer.nextKey && existing !== undefined);
  const ours = isNextOfOurs ? nextIdentity : identity;
  const theirs = isNextOfTheirs ? peer.nextKey : peer.publicKey;
  if (!ours || !theirs) throw new RangeError('the state names a key that it does not have');
  const pair = existing ?? new StaticPair(peer, ours, theirs);
  pair.sentAt = codec.number(pair.sentAt);
  pair.index = codec.number(pair.index);
  if (codec.isReading && pair.index !== -1) state.indices.restore(pair.index, pair);
  codeHandshake(codec, pair.handshake);
  if (!codec.flag(pair.macs !== undefined)) return pair;
  pair.macs ??= new MacSender(state.crypto, pair.remoteKey);
  pair.macs.code(codec);
  return pair;
}

/** The static-static secret is left out, because it is computed again from the keys. */
function codeHandshake(codec: StateCodec, handshake: Handshake): void {
  const state = codec.number(STATES.indexOf(handshake.state));
  const known = STATES[state];
  if (known === undefined) throw new RangeError(`the state has no handshake state ${state}`);
  handshake.state = known;
  for (const part of [
    handshake.chainingKey,
    handshake.hash,
    handshake.ephemeralPrivate,
    handshake.remoteEphemeral,
    handshake.lastInitiation.timestamp,
  ]) {
    codec.bytes(part);
  }
  handshake.localIndex = codec.number(handshake.localIndex);
  handshake.remoteIndex = codec.number(handshake.remoteIndex);
  handshake.lastInitiation.consumedAt = codec.number(handshake.lastInitiation.consumedAt);
}

const STATES: readonly HandshakeState[] = [
  'zeroed',
  'initiation-created',
  'initiation-consumed',
  'response-created',
  'response-consumed',
];
