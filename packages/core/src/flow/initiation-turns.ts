/**
 * Limits how fast timers start handshakes. When the timers of many peers fire together, for example
 * after link-up, initiations get a share of the time, in the order in which they were due.
 * Otherwise packets would wait for all of them.
 *
 * A peer that may not initiate at once reserves a turn, and its timer fires again at that time. An
 * initiation that a packet needs is sent without a turn, but it is counted.
 *
 * @module
 */
import type { EngineState } from '../engine-state.ts';
import type { Peer } from '../peer/peer.ts';
import type { Timer } from '../peer/timer-table.ts';
import { WorkBudget } from '../rate/work-budget.ts';

/** Creates the budget for initiations that timers start. */
export function createInitiationBudget(): WorkBudget {
  return new WorkBudget(SHARE, BURST_MS);
}

/**
 * Creates the budget for probes of the next identity. It is separate, so that probes do not delay
 * initiations that packets wait for.
 */
export function createProbeBudget(): WorkBudget {
  return new WorkBudget(PROBE_SHARE, BURST_MS);
}

/** An object that can reserve a turn: a peer, or a static pair for probes. */
export interface TurnHolder {
  /** When its turn comes, in the milliseconds of `now`; Infinity if no turn is reserved. */
  turnAt: number;
}

/** Returns whether the peer may initiate now. If not, arms `timer` for the peer's turn. */
export function hasTurn(state: EngineState, peer: Peer, timer: Timer, now: number): boolean {
  if (isItsTurn(state.initiations, peer, now)) return true;
  state.timers.arm(peer.slot, timer, peer.turnAt, 0);
  return false;
}

/** Returns whether the holder may initiate now. If not, reserves a turn for it. */
export function isItsTurn(budget: WorkBudget, holder: TurnHolder, now: number): boolean {
  if (holder.turnAt === Infinity) {
    if (budget.isFree(now)) return true;
    holder.turnAt = budget.freeAt;
    budget.spend(INITIATION_MS, now);
  }
  return holder.turnAt <= now;
}

/** Records that an initiation is sent: uses up the reserved turn, or counts the initiation now. */
export function spendTurn(budget: WorkBudget, holder: TurnHolder, now: number): void {
  if (holder.turnAt > now) budget.spend(INITIATION_MS, now);
  holder.turnAt = Infinity;
}

/** The share of the CPU time for initiations that timers start. */
const SHARE = 0.4;
/** The share of the CPU time for probes. */
const PROBE_SHARE = 0.2;
/** How much CPU time may be used at once after a pause, in milliseconds. */
const BURST_MS = 2;
/** Approximate CPU time of one initiation with OpenSSL, in milliseconds. */
const INITIATION_MS = 0.12;
