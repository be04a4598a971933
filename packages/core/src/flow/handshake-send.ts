/**
 * Sends handshake messages: initiations with their retries, and responses. Sections 5.4 and 6.4 of
 * the WireGuard paper.
 *
 * @module
 */
import {
  HANDSHAKE_INITIATION_LENGTH,
  HANDSHAKE_RESPONSE_LENGTH,
  HANDSHAKE_TOS,
  REKEY_TIMEOUT_MS,
} from '../constants.ts';
import { MacSender } from '../cookie/macs.ts';
import type { EngineState } from '../engine-state.ts';
import { NO_PRESHARED_KEY, type Handshake } from '../handshake/handshake.ts';
import { createInitiation } from '../handshake/initiation.ts';
import { createResponse } from '../handshake/response.ts';
import type { StaticIdentity } from '../handshake/static-identity.ts';
import type { Peer } from '../peer/peer.ts';
import type { StaticPair } from '../peer/static-pair.ts';
import { TIMER } from '../peer/timer-table.ts';
import { withKeyLog } from './key-log.ts';
import { isProbing, otherKey, pairOf, preferredPair } from './static-pairs.ts';
import { authenticatedSent, authenticatedTraversal, awaitHandshake } from './timers.ts';

/**
 * Starts a handshake attempt, or continues the attempt in progress. An initiation must come at
 * least one Rekey-Timeout after our last handshake message to the peer. If it is too early, the
 * retransmit timer sends the initiation later.
 */
export function startHandshake(state: EngineState, peer: Peer, now: number): void {
  const { timers } = state;
  const pair = readyPair(state, peer);
  if (!pair) return;
  // Section 6.4: each packet that must be sent restarts the count of initiations, which has a
  // limit. If an initiation waits for its response, the count begins with this initiation.
  const inProgress = timers.isArmed(peer.slot, TIMER.RETRANSMIT);
  peer.handshakeSends = inProgress ? Math.min(peer.handshakeSends, 1) : 0;
  if (!inProgress) peer.attemptStartedAt = now;
  const sentAt = lastSentAt(pair);
  if (now >= sentAt + REKEY_TIMEOUT_MS) sendInitiation(state, pair, now);
  else if (!inProgress) awaitHandshake(state, peer, sentAt);
}

/** Sends the initiation of the attempt again, with a new ephemeral key and a new timestamp. */
export function retryHandshake(state: EngineState, peer: Peer, now: number): void {
  const pair = readyPair(state, peer);
  if (!pair) return;
  const sentAt = lastSentAt(pair);
  if (now < sentAt + REKEY_TIMEOUT_MS) return awaitHandshake(state, peer, sentAt);
  state.outputs.trace(peer, 'retrying');
  // A single unanswered initiation may have been lost by chance.
  if (peer.unansweredSends >= LEAST_UNANSWERED) reportUnanswered(state, peer);
  sendInitiation(state, pair, now);
}

/** If the peer has a name behind its endpoint, asks the caller to look up that name again. */
export function reportUnanswered(state: EngineState, peer: Peer): void {
  const { publicKey, endpointName, endpoint } = peer;
  if (endpointName === '') return;
  state.outputs.queueEvent({ type: 'unanswered', peer: publicKey, endpointName, endpoint });
}

/**
 * Sends an initiation to find out whether the peer knows the identity of this pair. No packet waits
 * for this initiation. It is not part of the attempt in progress. It does not count as traffic for
 * the keepalive timers, because the peer may not be able to decrypt it.
 */
export function sendProbe(state: EngineState, pair: StaticPair<Peer>, now: number): void {
  state.probes.spendTurn(pair, now);
  const message = createInitiationOf(state, pair, now);
  if (!message) return;
  pair.peer.unansweredProbes++;
  transmitHandshake(state, pair, message, now);
  state.outputs.trace(pair.peer, 'probe-sent');
}

/** Answers the initiation that `handshake` has consumed. Returns false if nothing was sent. */
export function sendResponse(
  state: EngineState,
  pair: StaticPair<Peer>,
  handshake: Handshake,
  now: number,
): boolean {
  const { peer } = pair;
  const message = state.handshakeMessages.take(HANDSHAKE_RESPONSE_LENGTH);
  const index = state.indices.reserve(pair);
  const isCreated = withKeyLog(state, pair, (randomBytes) =>
    createResponse(state.crypto, handshake, index, randomBytes, message),
  );
  if (!isCreated) {
    state.indices.free(index);
    return false;
  }
  state.stats.sentResponses++;
  // We do not send our own initiation again until one Rekey-Timeout after this response.
  if (state.timers.isArmed(peer.slot, TIMER.RETRANSMIT)) awaitHandshake(state, peer, now);
  noteSent(state, peer, now);
  transmitHandshake(state, pair, message, now);
  state.outputs.trace(peer, 'response-sent');
  return true;
}

/** Gives the pair's handshake the current preshared key of the peer. Returns the handshake. */
export function handshakeOf({ peer, handshake }: StaticPair<Peer>): Handshake {
  handshake.presharedKey = peer.presharedKey ?? NO_PRESHARED_KEY;
  return handshake;
}

/**
 * Returns whether the pair has its static-static secret, and computes the secret if needed. If the
 * peer's key in this pair is a low-order point, there is no secret. If the peer's current key is a
 * low-order point, the peer is marked as unusable, and its staged packets are dropped.
 */
export function ensureUsable(state: EngineState, pair: StaticPair<Peer>): boolean {
  const { peer, identity, remoteKey } = pair;
  if (peer.unusable) return false;
  if (pair.handshake.ensureStaticStatic(state.crypto, identity)) return true;
  if (remoteKey !== peer.publicKey) return false;
  peer.unusable = true;
  dropStaged(state, peer, 'peer-unusable');
  return false;
}

/** Drops the packets that wait for a session, and counts them. */
export function dropStaged(
  state: EngineState,
  peer: Peer,
  reason: 'peer-unusable' | 'handshake-timeout' | 'link-down' | 'peer-removed',
): void {
  const count = peer.staged?.clear() ?? 0;
  if (count === 0) return;
  state.stats.drops.add(reason, count);
  peer.countDrop(reason, count);
  state.stats.drops.noteDetails(reason, peer.publicKey);
}

/**
 * Forgets the peer's handshakes in progress and frees their indices. Probes are kept, because they
 * do not belong to the attempt.
 */
export function abandonHandshake(state: EngineState, peer: Peer): void {
  for (const pair of peer.pairs()) if (!isProbing(state, pair)) abandonPair(state, pair);
}

/** Forgets the handshake in progress of one pair and frees its index. */
export function abandonPair(state: EngineState, pair: StaticPair<Peer>): void {
  forgetIndex(state, pair);
  pair.handshake.clear();
}

/**
 * Returns whether we can send to the peer: the link is up, we have a key, and the peer has an
 * endpoint and a usable key.
 */
export function canReach(state: EngineState, peer: Peer): boolean {
  return state.up && !!state.identity && !!peer.endpoint && !peer.unusable;
}

/**
 * Returns the static pair for the next initiation; undefined if no handshake with the peer is
 * possible.
 */
function readyPair(state: EngineState, peer: Peer): StaticPair<Peer> | undefined {
  const { identity } = state;
  if (!identity || !canReach(state, peer)) return undefined;
  const preferred = preferredPair(peer, identity);
  if (peer.unansweredSends >= UNANSWERED_LIMIT && hasTwoKeys(state, peer)) {
    const other = otherPair(preferred, identity);
    if (other && ensureUsable(state, other)) return other;
  }
  return ensureUsable(state, preferred) ? preferred : undefined;
}

function hasTwoKeys(state: EngineState, peer: Peer): boolean {
  return state.nextIdentity !== undefined || peer.nextKey !== undefined;
}

/**
 * Chooses a pair when the peer does not answer. The peer may have lost a key, or replaced the key
 * that we know. So all pairs are tried in turn, except those that probes use already.
 */
function otherPair(
  preferred: StaticPair<Peer>,
  identity: StaticIdentity,
): StaticPair<Peer> | undefined {
  const { peer } = preferred;
  const identities = preferred.identity === identity ? [identity] : [preferred.identity, identity];
  const other = otherKey(peer, preferred.remoteKey);
  const keys = other ? [preferred.remoteKey, other] : [preferred.remoteKey];
  const turn = peer.unansweredSends % (identities.length * keys.length);
  return pairOf(
    peer,
    identities[turn % identities.length],
    keys[Math.floor(turn / identities.length)],
  );
}

/**
 * Returns the later of two times: the time of our last handshake message to the peer, not counting
 * probes, and the time of our last initiation with this pair.
 */
function lastSentAt({ peer, sentAt }: StaticPair<Peer>): number {
  return Math.max(peer.handshakeSentAt, sentAt);
}

function sendInitiation(state: EngineState, pair: StaticPair<Peer>, now: number): void {
  const { peer } = pair;
  state.initiations.spendTurn(peer, now);
  const message = createInitiationOf(state, pair, now);
  if (!message) return;
  peer.handshakeSends++;
  peer.unansweredSends++;
  awaitHandshake(state, peer, now);
  noteSent(state, peer, now);
  transmitHandshake(state, pair, message, now);
  state.outputs.trace(peer, 'initiation-sent');
}

/**
 * Creates an initiation for the pair, which replaces the pair's previous initiation. Returns
 * undefined on failure.
 */
function createInitiationOf(
  state: EngineState,
  pair: StaticPair<Peer>,
  now: number,
): Uint8Array | undefined {
  const { crypto } = state;
  const handshake = handshakeOf(pair);
  const message = state.handshakeMessages.take(HANDSHAKE_INITIATION_LENGTH);
  const timestamp = state.timestamps.next();
  const senderIndex = renewIndex(state, pair);
  const isCreated = withKeyLog(state, pair, (randomBytes) => {
    const values = { senderIndex, timestamp, randomBytes };
    return createInitiation(crypto, pair.identity, handshake, values, message);
  });
  if (!isCreated) {
    forgetIndex(state, pair);
    return undefined;
  }
  state.stats.sentInitiations++;
  pair.sentAt = now;
  return message;
}

/** Updates the timers. The peer can authenticate this message, so it counts as a keepalive. */
function noteSent(state: EngineState, peer: Peer, now: number): void {
  peer.handshakeSentAt = now;
  authenticatedTraversal(state, peer, now);
  authenticatedSent(state, peer);
}

function transmitHandshake(
  state: EngineState,
  pair: StaticPair<Peer>,
  message: Uint8Array,
  now: number,
): void {
  const { peer } = pair;
  pair.macs ??= new MacSender(state.crypto, pair.remoteKey);
  pair.macs.addMacs(message, now);
  peer.sentBytes += message.length;
  state.stats.sentBytes += message.length;
  if (!peer.endpoint) return;
  state.outputs.transmit(peer, peer.endpoint, HANDSHAKE_TOS, message, 0, message.length);
}

function renewIndex(state: EngineState, pair: StaticPair<Peer>): number {
  forgetIndex(state, pair);
  pair.index = state.indices.reserve(pair);
  return pair.index;
}

function forgetIndex(state: EngineState, pair: StaticPair<Peer>): void {
  if (pair.index === -1) return;
  state.indices.free(pair.index);
  pair.index = -1;
}

/** After this many unanswered initiations, other pairs of keys are tried. */
export const UNANSWERED_LIMIT = 3;

/**
 * From this number of unanswered initiations on, a peer counts as silent. It has then not answered
 * for about ten seconds.
 */
const LEAST_UNANSWERED = 2;
