/**
 * Limits how fast timers start handshakes. When the timers of many peers fire together, for example
 * after link-up, initiations get a share of the time, in the order in which they were due. Without
 * this limit, packets would wait until all these initiations are sent.
 *
 * A peer that may not initiate at once reserves a turn, and its timer fires again at the time of
 * the turn. An initiation that a packet needs is sent without a turn, but the budget counts it.
 *
 * @module
 */
import type { EngineState } from '../engine-state.ts';
import type { Peer } from '../peer/peer.ts';
import type { Timer } from '../peer/timer-table.ts';
import { TurnBudget } from '../rate/turn-budget.ts';

/** Creates the budget for initiations that timers start. */
export function createInitiationBudget(): TurnBudget {
  return new TurnBudget(SHARE, BURST_MS, INITIATION_MS);
}

/**
 * Creates the budget for probes of the next identity. It is separate, so that probes do not delay
 * initiations that packets wait for.
 */
export function createProbeBudget(): TurnBudget {
  return new TurnBudget(PROBE_SHARE, BURST_MS, INITIATION_MS);
}

/** Returns whether the peer may initiate now. If not, arms `timer` for the peer's turn. */
export function hasTurn(state: EngineState, peer: Peer, timer: Timer, now: number): boolean {
  const { initiations } = state;
  if (initiations.isItsTurn(peer, now)) return true;
  state.timers.arm(peer.slot, timer, initiations.dueAt(peer), 0);
  return false;
}

/** The share of the CPU time for initiations that timers start. */
const SHARE = 0.4;
/** The share of the CPU time for probes. */
const PROBE_SHARE = 0.2;
/** How much CPU time may be used at once after a pause, in milliseconds. */
const BURST_MS = 2;
/** Approximate CPU time of one initiation with OpenSSL, in milliseconds. */
const INITIATION_MS = 0.12;
