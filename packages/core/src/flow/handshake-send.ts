/**
 * Handshake messages that we send: initiations with their retries, and responses. Sections 5.4 and
 * 6.4.
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
import { Handshake, NO_PRESHARED_KEY } from '../handshake/handshake.ts';
import { createInitiation } from '../handshake/initiation.ts';
import { createResponse } from '../handshake/response.ts';
import { spendTurn } from './initiation-turns.ts';
import type { StaticIdentity } from '../handshake/static-identity.ts';
import type { Peer } from '../peer/peer.ts';
import { TIMER } from '../peer/timer-table.ts';
import { authenticatedSent, authenticatedTraversal, awaitHandshake } from './timers.ts';

/**
 * Begins an attempt, or goes on with the one in progress. At most one handshake message leaves within
 * Rekey-Timeout; what that holds back is sent when the time has passed.
 */
export function startHandshake(state: EngineState, peer: Peer, now: number): void {
  const { timers } = state;
  const identity = readyIdentity(state, peer);
  if (!identity) return;
  // Section 6.4: the limit on retries counts from the last packet that wanted to be sent.
  const inProgress = timers.isArmed(peer.slot, TIMER.RETRANSMIT);
  peer.handshakeSends = inProgress ? Math.min(peer.handshakeSends, 1) : 0;
  if (!inProgress) peer.attemptStartedAt = now;
  if (mayInitiate(peer, now)) sendInitiation(state, identity, peer, now);
  else if (!inProgress) awaitHandshake(state, peer, peer.handshakeSentAt);
}

/** Sends the initiation of the attempt again, with a new ephemeral key and timestamp. */
export function retryHandshake(state: EngineState, peer: Peer, now: number): void {
  const identity = readyIdentity(state, peer);
  if (!identity) return;
  if (!mayInitiate(peer, now)) return awaitHandshake(state, peer, peer.handshakeSentAt);
  state.outputs.trace(peer, 'retrying');
  sendInitiation(state, identity, peer, now);
}

/** Answers the initiation that `handshake` has consumed. False: nothing was sent. */
export function sendResponse(
  state: EngineState,
  identity: StaticIdentity,
  peer: Peer,
  handshake: Handshake,
  now: number,
): boolean {
  const message = state.handshakeMessages.take(HANDSHAKE_RESPONSE_LENGTH);
  const index = state.indices.reserve(peer);
  if (!createResponse(state.crypto, identity, handshake, index, state.randomBytes, message)) {
    state.indices.free(index);
    return false;
  }
  state.stats.sentResponses++;
  // An initiation of ours waits no longer for an answer to the last one.
  if (state.timers.isArmed(peer.slot, TIMER.RETRANSMIT)) awaitHandshake(state, peer, now);
  transmitHandshake(state, peer, message, now);
  state.outputs.trace(peer, 'response-sent');
  return true;
}

/** The peer's handshake, made when it is first needed, with the preshared key as it is now. */
export function handshakeOf(peer: Peer): Handshake {
  peer.handshake ??= new Handshake(peer.publicKey);
  peer.handshake.presharedKey = peer.presharedKey ?? NO_PRESHARED_KEY;
  return peer.handshake;
}

/** The secret shared with the peer exists. Otherwise the peer is marked as unusable. */
export function ensureUsable(state: EngineState, identity: StaticIdentity, peer: Peer): boolean {
  if (peer.unusable) return false;
  if (handshakeOf(peer).ensureStaticStatic(state.crypto, identity)) return true;
  peer.unusable = true;
  dropStaged(state, peer, 'peer-unusable');
  return false;
}

/** Drops the packets that wait for a session and counts them. */
export function dropStaged(
  state: EngineState,
  peer: Peer,
  reason: 'peer-unusable' | 'handshake-timeout' | 'link-down' | 'peer-removed',
): void {
  const count = peer.staged?.clear() ?? 0;
  if (count === 0) return;
  state.stats.drops.add(reason, count);
  peer.countDrop(reason, count);
  state.stats.drops.concern(reason, peer.publicKey);
}

/** Forgets a handshake in progress and frees its index. */
export function abandonHandshake(state: EngineState, peer: Peer): void {
  forgetIndex(state, peer);
  peer.handshake?.clear();
}

/** Nothing that `configure` or `linkUp` would have to bring is missing to send to the peer. */
export function canReach(state: EngineState, peer: Peer): boolean {
  return state.up && !!state.identity && !!peer.endpoint && !peer.unusable;
}

/** Our identity, if a handshake with the peer is possible at all. */
function readyIdentity(state: EngineState, peer: Peer): StaticIdentity | undefined {
  const { identity } = state;
  if (!identity || !canReach(state, peer)) return undefined;
  return ensureUsable(state, identity, peer) ? identity : undefined;
}

function mayInitiate(peer: Peer, now: number): boolean {
  return now >= peer.handshakeSentAt + REKEY_TIMEOUT_MS;
}

function sendInitiation(
  state: EngineState,
  identity: StaticIdentity,
  peer: Peer,
  now: number,
): void {
  spendTurn(state, peer, now);
  const handshake = handshakeOf(peer);
  const message = state.handshakeMessages.take(HANDSHAKE_INITIATION_LENGTH);
  const timestamp = state.timestamps.next();
  const index = renewIndex(state, peer);
  const { crypto, randomBytes } = state;
  if (!createInitiation(crypto, identity, handshake, index, timestamp, randomBytes, message)) {
    forgetIndex(state, peer);
    return;
  }
  state.stats.sentInitiations++;
  peer.handshakeSends++;
  awaitHandshake(state, peer, now);
  transmitHandshake(state, peer, message, now);
  state.outputs.trace(peer, 'initiation-sent');
}

function transmitHandshake(state: EngineState, peer: Peer, message: Uint8Array, now: number): void {
  peer.macs ??= new MacSender(state.crypto, peer.publicKey);
  peer.macs.addMacs(message, now);
  peer.handshakeSentAt = now;
  peer.sentBytes += message.length;
  state.stats.sentBytes += message.length;
  authenticatedTraversal(state, peer, now);
  authenticatedSent(state, peer);
  if (!peer.endpoint) return;
  state.outputs.transmit(peer, peer.endpoint, HANDSHAKE_TOS, message, 0, message.length);
}

function renewIndex(state: EngineState, peer: Peer): number {
  forgetIndex(state, peer);
  peer.handshakeIndex = state.indices.reserve(peer);
  return peer.handshakeIndex;
}

function forgetIndex(state: EngineState, peer: Peer): void {
  if (peer.handshakeIndex === -1) return;
  state.indices.free(peer.handshakeIndex);
  peer.handshakeIndex = -1;
}
