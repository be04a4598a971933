/**
 * When a peer's timers start and stop: the rules of section 6 of the WireGuard paper, under the
 * names of the kernel's timers.c. `timer-expiry.ts` says what a timer does when it fires.
 *
 * @module
 */
import {
  KEEPALIVE_TIMEOUT_MS,
  NEW_HANDSHAKE_AFTER_MS,
  REKEY_TIMEOUT_JITTER_MAX_MS,
  REKEY_TIMEOUT_MS,
  REJECT_AFTER_TIME_MS,
  ZERO_KEY_MATERIAL_AFTER_MS,
} from '../constants.ts';
import type { EngineState } from '../engine-state.ts';
import type { Keypair } from '../peer/keypairs.ts';
import type { Peer } from '../peer/peer.ts';
import { TIMER } from '../peer/timer-table.ts';

/**
 * Called when a data message was sent. The peer must answer, at least with a keepalive (section
 * 6.5).
 */
export function dataSent(state: EngineState, peer: Peer, now: number): void {
  if (state.timers.isArmed(peer.slot, TIMER.NEW_HANDSHAKE)) return;
  const delay = NEW_HANDSHAKE_AFTER_MS + state.jitter.next(REKEY_TIMEOUT_JITTER_MAX_MS);
  state.timers.arm(peer.slot, TIMER.NEW_HANDSHAKE, now, delay);
}

/**
 * Called when a data message was received. We must answer within 10 s, at least with a keepalive.
 * The time counts from the first message that has had no answer.
 */
export function dataReceived(state: EngineState, peer: Peer, now: number): void {
  if (state.timers.isArmed(peer.slot, TIMER.KEEPALIVE)) peer.needsAnotherKeepalive = true;
  else state.timers.arm(peer.slot, TIMER.KEEPALIVE, now, KEEPALIVE_TIMEOUT_MS);
}

/**
 * Called when any authenticated message was sent. The message serves as the keepalive that we owe.
 */
export function authenticatedSent(state: EngineState, peer: Peer): void {
  state.timers.clear(peer.slot, TIMER.KEEPALIVE);
}

/**
 * Called when any authenticated message was received. The message serves as an answer to what we
 * sent.
 */
export function authenticatedReceived(state: EngineState, peer: Peer): void {
  state.timers.clear(peer.slot, TIMER.NEW_HANDSHAKE);
}

/**
 * Called when an authenticated message was sent or received. A persistent keepalive is sent only
 * after a silence of the configured interval.
 */
export function authenticatedTraversal(state: EngineState, peer: Peer, now: number): void {
  if (peer.persistentKeepalive === 0) return;
  const delay = peer.persistentKeepalive * 1000;
  state.timers.arm(peer.slot, TIMER.PERSISTENT_KEEPALIVE, now, delay);
}

/**
 * Arms the retransmit timer for a handshake message that was sent at `sentAt`. If
 * `handshakeGiveUpMs` is set, the timer fires no later than the end of the attempt.
 */
export function awaitHandshake(state: EngineState, peer: Peer, sentAt: number): void {
  const delay = REKEY_TIMEOUT_MS + state.jitter.next(REKEY_TIMEOUT_JITTER_MAX_MS);
  const giveUpMs = state.giveUpMs;
  if (giveUpMs !== undefined && sentAt + delay > peer.attemptStartedAt + giveUpMs) {
    state.timers.arm(peer.slot, TIMER.RETRANSMIT, peer.attemptStartedAt, giveUpMs);
  } else {
    state.timers.arm(peer.slot, TIMER.RETRANSMIT, sentAt, delay);
  }
}

/** Called when a handshake was completed. No retry is needed. */
export function handshakeCompleted(state: EngineState, peer: Peer): void {
  state.timers.clear(peer.slot, TIMER.RETRANSMIT);
}

/**
 * Called when a session was derived, or when a handshake was given up. All keys of the peer are
 * wiped if no newer session is derived within three times Reject-After-Time.
 */
export function sessionDerived(state: EngineState, peer: Peer, now: number): void {
  state.timers.arm(peer.slot, TIMER.ZERO_KEYS, now, ZERO_KEY_MATERIAL_AFTER_MS);
}

/** Called when this keypair became `current`. Arms the timer for its expiry. */
export function sessionStarted(state: EngineState, peer: Peer, keypair: Keypair<Peer>): void {
  state.timers.arm(peer.slot, TIMER.SESSION_EXPIRY, keypair.createdAt, REJECT_AFTER_TIME_MS);
}
