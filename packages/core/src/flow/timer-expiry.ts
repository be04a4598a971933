/**
 * What the timers of a peer do when their time has come, section 6 (kernel: timers.c). When they start
 * and stop is in `timers.ts`.
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
  retryHandshake,
  startHandshake,
} from './handshake-send.ts';
import { sendKeepalive, wouldInitiate } from './outbound.ts';
import type { Peer } from '../peer/peer.ts';
import { probe } from './probes.ts';
import { endSession, forgetSource } from './session-lifecycle.ts';
import { TIMER, type Timer } from '../peer/timer-table.ts';
import { authenticatedTraversal, dataReceived, sessionDerived } from './timers.ts';

/** Fires everything that is due. Each timer that fires is stopped first and starts again later, if. */
export function fireTimers(state: EngineState, now: number): void {
  while (state.timers.first() <= now) {
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

/** In this order: after a long sleep the old session is gone before anything is sent. */
const RULES: readonly { timer: Timer; fire: Fire }[] = [
  { timer: TIMER.ZERO_KEYS, fire: zeroKeys },
  { timer: TIMER.SESSION_EXPIRY, fire: expireSession },
  { timer: TIMER.RETRANSMIT, fire: retransmit },
  { timer: TIMER.NEW_HANDSHAKE, fire: renewHandshake },
  { timer: TIMER.KEEPALIVE, fire: keepalive },
  { timer: TIMER.PERSISTENT_KEEPALIVE, fire: persistentKeepalive },
  { timer: TIMER.PROBE, fire: probe },
];

function zeroKeys(state: EngineState, peer: Peer, now: number): void {
  state.timers.clear(peer.slot, TIMER.SESSION_EXPIRY);
  // Nobody waits for an answer in a session that is gone.
  state.timers.clear(peer.slot, TIMER.NEW_HANDSHAKE);
  state.timers.clear(peer.slot, TIMER.KEEPALIVE);
  peer.keypairs.clear(state.indices);
  state.outputs.trace(peer, 'keys-removed');
  endSession(state, peer);
  // An attempt that has just begun is none of the old session's.
  if (now >= peer.handshakeSentAt + REKEY_TIMEOUT_MS) abandonHandshake(state, peer);
}

function expireSession(state: EngineState, peer: Peer): void {
  endSession(state, peer);
}

/** Section 6.4. The peer may have an address that the old source cannot reach: it is chosen anew. */
function retransmit(state: EngineState, peer: Peer, now: number): void {
  if (!gaveUp(state, peer, now)) {
    if (!hasTurn(state, peer, TIMER.RETRANSMIT, now)) return;
    forgetSource(peer);
    retryHandshake(state, peer, now);
    return;
  }
  state.outputs.trace(peer, 'gave-up');
  state.timers.clear(peer.slot, TIMER.KEEPALIVE);
  abandonHandshake(state, peer);
  dropStaged(state, peer, 'handshake-timeout');
  if (!state.timers.isArmed(peer.slot, TIMER.ZERO_KEYS)) sessionDerived(state, peer, now);
  state.outputs.event({ type: 'handshake-failed', peer: peer.publicKey });
}

/** After Rekey-Attempt-Time, which is 20 sends; or after the time that the caller wants. */
function gaveUp(state: EngineState, peer: Peer, now: number): boolean {
  return state.giveUpMs === undefined
    ? peer.handshakeSends >= MAX_HANDSHAKE_ATTEMPTS
    : now >= peer.attemptStartedAt + state.giveUpMs;
}

/** Section 6.5: what was sent had no answer. */
function renewHandshake(state: EngineState, peer: Peer, now: number): void {
  if (!hasTurn(state, peer, TIMER.NEW_HANDSHAKE, now)) return;
  state.outputs.trace(peer, 'not-heard');
  forgetSource(peer);
  startHandshake(state, peer, now);
}

function keepalive(state: EngineState, peer: Peer, now: number): void {
  sendKeepalive(state, peer, now);
  if (!peer.needsAnotherKeepalive) return;
  peer.needsAnotherKeepalive = false;
  dataReceived(state, peer, now);
}

function persistentKeepalive(state: EngineState, peer: Peer, now: number): void {
  if (wouldInitiate(state, peer, now) && !hasTurn(state, peer, TIMER.PERSISTENT_KEEPALIVE, now)) {
    return;
  }
  sendKeepalive(state, peer, now);
  // Also when no handshake may be sent just now. A peer that cannot be sent to has no timer: it gets
  // one with what it lacks (`configure`).
  if (canReach(state, peer)) authenticatedTraversal(state, peer, now);
}
