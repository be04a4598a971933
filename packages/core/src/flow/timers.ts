/**
 * When a peer's timers start and stop: the rules of section 6, under the names of the kernel's
 * timers.c. What a timer does when its time has come is in `timer-expiry.ts`.
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

/** A packet that is not a keepalive left: an answer of some kind is expected, section 6.5. */
export function dataSent(state: EngineState, peer: Peer, now: number): void {
  if (state.timers.isArmed(peer.slot, TIMER.NEW_HANDSHAKE)) return;
  const delay = NEW_HANDSHAKE_AFTER_MS + state.jitter.next(REKEY_TIMEOUT_JITTER_MAX_MS);
  state.timers.arm(peer.slot, TIMER.NEW_HANDSHAKE, now, delay);
}

/** A packet that is not a keepalive came: we owe a sign of life. Timed from the first one unanswered. */
export function dataReceived(state: EngineState, peer: Peer, now: number): void {
  if (state.timers.isArmed(peer.slot, TIMER.KEEPALIVE)) peer.needsAnotherKeepalive = true;
  else state.timers.arm(peer.slot, TIMER.KEEPALIVE, now, KEEPALIVE_TIMEOUT_MS);
}

/** Anything the peer can authenticate is a sign of life. */
export function authenticatedSent(state: EngineState, peer: Peer): void {
  state.timers.clear(peer.slot, TIMER.KEEPALIVE);
}

export function authenticatedReceived(state: EngineState, peer: Peer): void {
  state.timers.clear(peer.slot, TIMER.NEW_HANDSHAKE);
}

/** Anything authenticated went either way: the persistent keepalive waits for silence. */
export function authenticatedTraversal(state: EngineState, peer: Peer, now: number): void {
  if (peer.persistentKeepalive === 0) return;
  const delay = peer.persistentKeepalive * 1000;
  state.timers.arm(peer.slot, TIMER.PERSISTENT_KEEPALIVE, now, delay);
}

/** Waits for the answer to a handshake message that left at `sentAt`. */
export function awaitHandshake(state: EngineState, peer: Peer, sentAt: number): void {
  const delay = REKEY_TIMEOUT_MS + state.jitter.next(REKEY_TIMEOUT_JITTER_MAX_MS);
  const giveUpMs = state.giveUpMs;
  if (giveUpMs !== undefined && sentAt + delay > peer.attemptStartedAt + giveUpMs) {
    state.timers.arm(peer.slot, TIMER.RETRANSMIT, peer.attemptStartedAt, giveUpMs);
  } else {
    state.timers.arm(peer.slot, TIMER.RETRANSMIT, sentAt, delay);
  }
}

export function handshakeCompleted(state: EngineState, peer: Peer): void {
  state.timers.clear(peer.slot, TIMER.RETRANSMIT);
}

/** New keys exist. All keys of the peer are wiped if none newer come for three Reject-After-Times. */
export function sessionDerived(state: EngineState, peer: Peer, now: number): void {
  state.timers.arm(peer.slot, TIMER.ZERO_KEYS, now, ZERO_KEY_MATERIAL_AFTER_MS);
}

/** This keypair became the one that is sent with. */
export function sessionStarted(state: EngineState, peer: Peer, keypair: Keypair<Peer>): void {
  state.timers.arm(peer.slot, TIMER.SESSION_EXPIRY, keypair.createdAt, REJECT_AFTER_TIME_MS);
}
