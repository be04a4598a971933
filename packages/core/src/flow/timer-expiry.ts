/**
 * What the timers of a peer do when they fire, section 6 of the WireGuard paper (kernel: timers.c).
 * `timers.ts` says when they start and stop.
 *
 * @module
 */
import { MAX_HANDSHAKE_ATTEMPTS, REKEY_TIMEOUT_MS } from '../constants.ts';
import type { EngineState } from '../engine-state.ts';
import { hasTurn } from './initiation-turns.ts';
import {
  abandonHandshake,
  canReach,
  dropStaged,
  reportUnanswered,
  retryHandshake,
  startHandshake,
} from './handshake-send.ts';
import { sendKeepalive, wouldInitiate } from './outbound.ts';
import type { Peer } from '../peer/peer.ts';
import { probe } from './probes.ts';
import { reportExpiry, forgetSource } from './session-lifecycle.ts';
import { TIMER, type Timer } from '../peer/timer-table.ts';
import { authenticatedTraversal, dataReceived, sessionDerived } from './timers.ts';

/**
 * Fires all timers that are due. A timer is stopped before its function in `RULES` is called,
 * because this function may start the timer again.
 */
export function fireTimers(state: EngineState, now: number): void {
  while (state.timers.firstDeadline() <= now) {
    const peer = state.peersBySlot[state.timers.firstSlot()];
    if (!peer) return;
    for (const { timer, fire } of RULES) {
      if (!state.timers.isDue(peer.slot, timer, now)) continue;
      state.timers.clear(peer.slot, timer);
      fire(state, peer, now);
    }
  }
}

type Fire = (state: EngineState, peer: Peer, now: number) => void;

function zeroKeys(state: EngineState, peer: Peer, now: number): void {
  state.timers.clear(peer.slot, TIMER.SESSION_EXPIRY);
  // The session is gone, so no answer can arrive in it.
  state.timers.clear(peer.slot, TIMER.NEW_HANDSHAKE);
  state.timers.clear(peer.slot, TIMER.KEEPALIVE);
  peer.keypairs.clear(state.indices);
  state.outputs.trace(peer, 'keys-removed');
  reportExpiry(state, peer);
  // An attempt whose last message is younger than Rekey-Timeout continues, because it is for a new
  // session.
  if (now >= peer.handshakeSentAt + REKEY_TIMEOUT_MS) abandonHandshake(state, peer);
}

function expireSession(state: EngineState, peer: Peer): void {
  reportExpiry(state, peer);
}

/**
 * Section 6.4: sends the initiation again, or gives up. The source address is chosen again, because
 * the peer may be unreachable from the old address.
 */
function retransmit(state: EngineState, peer: Peer, now: number): void {
  if (!hasGivenUp(state, peer, now)) {
    if (!hasTurn(state, peer, TIMER.RETRANSMIT, now)) return;
    forgetSource(peer);
    retryHandshake(state, peer, now);
    return;
  }
  state.stats.failedHandshakes++;
  state.outputs.trace(peer, 'gave-up');
  reportUnanswered(state, peer);
  state.timers.clear(peer.slot, TIMER.KEEPALIVE);
  abandonHandshake(state, peer);
  dropStaged(state, peer, 'handshake-timeout');
  if (!state.timers.isArmed(peer.slot, TIMER.ZERO_KEYS)) sessionDerived(state, peer, now);
  state.outputs.queueEvent({ type: 'handshake-failed', peer: peer.publicKey });
}

/**
 * Returns whether the attempt is over: after 20 initiations (Rekey-Attempt-Time), or after the time
 * in the option `handshakeGiveUpMs`.
 */
function hasGivenUp(state: EngineState, peer: Peer, now: number): boolean {
  return state.giveUpMs === undefined
    ? peer.handshakeSends >= MAX_HANDSHAKE_ATTEMPTS
    : now >= peer.attemptStartedAt + state.giveUpMs;
}

/** Section 6.5: starts a handshake because sent data had no answer. */
function renewHandshake(state: EngineState, peer: Peer, now: number): void {
  if (!hasTurn(state, peer, TIMER.NEW_HANDSHAKE, now)) return;
  state.outputs.trace(peer, 'not-heard');
  forgetSource(peer);
  startHandshake(state, peer, now);
}

function sendPassiveKeepalive(state: EngineState, peer: Peer, now: number): void {
  sendKeepalive(state, peer, now);
  if (!peer.needsAnotherKeepalive) return;
  peer.needsAnotherKeepalive = false;
  dataReceived(state, peer, now);
}

function sendPersistentKeepalive(state: EngineState, peer: Peer, now: number): void {
  if (wouldInitiate(state, peer, now) && !hasTurn(state, peer, TIMER.PERSISTENT_KEEPALIVE, now)) {
    return;
  }
  sendKeepalive(state, peer, now);
  // The timer is armed even if no handshake may be sent now. A peer that cannot be reached has no
  // timer. The change that makes it reachable starts the timer (`applyConfiguration`).
  if (canReach(state, peer)) authenticatedTraversal(state, peer, now);
}

/**
 * The order matters, because after a long sleep the old session must be removed before anything is
 * sent.
 */
const RULES: readonly { timer: Timer; fire: Fire }[] = [
  { timer: TIMER.ZERO_KEYS, fire: zeroKeys },
  { timer: TIMER.SESSION_EXPIRY, fire: expireSession },
  { timer: TIMER.RETRANSMIT, fire: retransmit },
  { timer: TIMER.NEW_HANDSHAKE, fire: renewHandshake },
  { timer: TIMER.KEEPALIVE, fire: sendPassiveKeepalive },
  { timer: TIMER.PERSISTENT_KEEPALIVE, fire: sendPersistentKeepalive },
  { timer: TIMER.PROBE, fire: probe },
];
