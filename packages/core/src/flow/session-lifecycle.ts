/**
 * The life of a session: it begins with a completed handshake, is confirmed, and ends. Sections
 * 5.4.5 and 6.3 of the WireGuard paper.
 *
 * @module
 */
import { wipe } from '../crypto/wipe.ts';
import type { EngineState } from '../engine-state.ts';
import type { Endpoint } from '../endpoint.ts';
import type { Handshake } from '../handshake/handshake.ts';
import { deriveTransportKeys } from '../handshake/transport-keys.ts';
import { abandonHandshake, abandonPair, dropStaged } from './handshake-send.ts';
import { Keypair } from '../peer/keypairs.ts';
import type { Peer } from '../peer/peer.ts';
import type { StaticPair } from '../peer/static-pair.ts';
import { TIMER } from '../peer/timer-table.ts';
import { reviewProbe } from './probes.ts';
import { noteSession, pairOfSession } from './static-pairs.ts';
import { handshakeCompleted, sessionDerived, sessionStarted } from './timers.ts';

/**
 * Turns a finished handshake into a keypair. The initiator puts the keypair in `current`, the
 * responder puts it in `next`.
 */
export function beginSession(
  state: EngineState,
  pair: StaticPair<Peer>,
  handshake: Handshake,
  role: 'initiator' | 'responder',
  now: number,
): void {
  const { peer, identity, remoteKey } = pair;
  const { localIndex, remoteIndex } = handshake;
  const { sendKey, receiveKey } = deriveTransportKeys(state.crypto, handshake);
  let keypair: Keypair<Peer>;
  try {
    keypair = new Keypair({
      peer,
      staticKeys: { own: identity.publicKey, peer: remoteKey },
      isInitiator: role === 'initiator',
      localIndex,
      remoteIndex,
      sendCipher: state.crypto.createCipher(sendKey),
      receiveCipher: state.crypto.createCipher(receiveKey),
      limits: state.limits,
      createdAt: now,
    });
  } finally {
    wipe(sendKey, receiveKey);
  }
  state.indices.assign(localIndex, keypair);
  if (pair.index === localIndex) pair.index = -1;
  peer.keypairs.retires = state.nextIdentity !== undefined || peer.nextKey !== undefined;
  peer.keypairs.add(keypair, state.indices);
  state.outputs.trace(peer, 'keypair-created');
  sessionDerived(state, peer, now);
}

/**
 * Called when both sides have the keys of `current`, so that `current` can be used for sending.
 * Updates the state of the peer and emits events.
 */
export function completeHandshake(
  state: EngineState,
  peer: Peer,
  role: 'initiator' | 'responder',
  now: number,
): void {
  const { current } = peer.keypairs;
  if (!current) return;
  handshakeCompleted(state, peer);
  const pair = pairOfSession(current);
  if (pair) noteSession(pair, role);
  // If an initiation of ours crossed this handshake, that initiation is no longer needed.
  abandonHandshake(state, peer);
  reviewProbe(state, peer, now);
  sessionStarted(state, peer, current);
  peer.handshakeSends = 0;
  peer.unansweredSends = 0;
  peer.unansweredProbes = 0;
  peer.turnAt = Infinity;
  peer.sentLastMinuteHandshake = false;
  peer.lastHandshakeUnixMs = state.unixTime();
  state.stats.completedHandshakes++;
  const { staticKeys: keys } = current;
  const event = { type: 'handshake', peer: peer.publicKey, role, keys } as const;
  const durationMs = now - (pair?.sentAt ?? now);
  if (role === 'responder') noteRoundTrip(peer, current, now);
  else peer.roundTripUs = pair ? Math.round(durationMs * 1000) : -1;
  state.outputs.queueEvent(role === 'initiator' ? { ...event, durationMs } : event);
  const renewed = peer.sessionUp;
  peer.sessionUp = true;
  state.outputs.queueEvent({
    type: 'session',
    peer: peer.publicKey,
    state: renewed ? 'renewed' : 'up',
  });
  state.outputs.emitPeerEvent(peer, 'updated');
}

/**
 * Emits the session event `expired` if the last session event was `up` or `renewed`. The event
 * says that nothing can be sent before a new handshake. The keys are not touched.
 */
export function reportExpiry(state: EngineState, peer: Peer): void {
  if (!peer.sessionUp) return;
  peer.sessionUp = false;
  state.timers.clear(peer.slot, TIMER.SESSION_EXPIRY);
  state.outputs.queueEvent({ type: 'session', peer: peer.publicKey, state: 'expired' });
}

/** Wipes the peer's sessions and its handshakes in progress. */
export function forgetSession(state: EngineState, peer: Peer): void {
  for (const pair of peer.pairs()) abandonPair(state, pair);
  peer.keypairs.clear(state.indices);
  reportExpiry(state, peer);
}

/** Resets a peer to its state before the first packet. Configuration and endpoint stay. */
export function resetPeer(
  state: EngineState,
  peer: Peer,
  reason: 'link-down' | 'peer-removed',
): void {
  state.timers.clearAll(peer.slot);
  state.roams.forget(peer);
  peer.carrier = undefined;
  dropStaged(state, peer, reason);
  forgetSession(state, peer);
  peer.handshakeSentAt = -Infinity;
  for (const pair of peer.pairs()) {
    pair.sentAt = -Infinity;
    pair.turnAt = Infinity;
  }
  peer.handshakeSends = 0;
  peer.unansweredSends = 0;
  peer.unansweredProbes = 0;
  peer.turnAt = Infinity;
  peer.needsAnotherKeepalive = false;
  peer.sentLastMinuteHandshake = false;
}

/** Updates the endpoint of a peer, after an authenticated message came from `source`. */
export function updateEndpoint(
  state: EngineState,
  peer: Peer,
  source: Endpoint,
  now: number,
): void {
  const previous = peer.endpoint;
  if (previous === source) return;
  if (previous?.equals(source) === true) return;
  peer.endpoint = source;
  if (!previous) reviewProbe(state, peer, now);
  if (previous?.sameDestination(source) === true) return;
  state.roams.noteRoam(peer, previous, now);
}

/**
 * Lets the kernel choose the source address again. The current address may be the reason why no
 * answer came.
 */
export function forgetSource(peer: Peer): void {
  peer.endpoint = peer.endpoint?.withoutSource();
}

/**
 * Measures the round trip when we are the responder: the time from our response to the initiator's
 * first message, which the initiator sends as soon as it has the response. If that message was
 * lost, `roundTripUs` is -1, because the time of a later message says nothing about the round trip.
 */
function noteRoundTrip(peer: Peer, { replayWindow, createdAt }: Keypair, now: number): void {
  const hasFirst = !replayWindow.check(0);
  peer.roundTripUs = hasFirst ? Math.round((now - createdAt) * 1000) : -1;
}
