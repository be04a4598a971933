/**
 * Who initiates when timers ask many peers to at once, as when the link goes up: initiations get a share
 * of the time, in the order in which they were due, so that packets do not wait for all of them.
 *
 * Each peer that cannot go at once reserves its turn, and the timer fires again then. A packet that
 * somebody sends to a peer does not wait for a turn, and counts all the same.
 *
 * @module
 */
import type { EngineState } from '../engine-state.ts';
import type { Peer } from '../peer/peer.ts';
import type { Timer } from '../peer/timer-table.ts';
import { WorkBudget } from '../rate/work-budget.ts';

/** The share of the time for initiations that timers ask for. */
export function createInitiationBudget(): WorkBudget {
  return new WorkBudget(SHARE, BURST_MS);
}

/**
 * The share of the time for probes of the next identity, which nobody waits for: apart from the other,
 * so that they delay no initiation that somebody does wait for.
 */
export function createProbeBudget(): WorkBudget {
  return new WorkBudget(PROBE_SHARE, BURST_MS);
}

/** Who reserves turns. */
export interface TurnHolder {
  /** When its turn comes; Infinity: none was reserved. */
  turnAt: number;
}

/** Whether the peer may initiate now; otherwise `timer` is armed for its turn. */
export function hasTurn(state: EngineState, peer: Peer, timer: Timer, now: number): boolean {
  if (isItsTurn(state.initiations, peer, now)) return true;
  state.timers.arm(peer.slot, timer, peer.turnAt, 0);
  return false;
}

/** Whether it may go now; otherwise a turn is reserved. */
export function isItsTurn(budget: WorkBudget, holder: TurnHolder, now: number): boolean {
  if (holder.turnAt === Infinity) {
    if (budget.isFree(now)) return true;
    holder.turnAt = budget.freeAt;
    budget.spend(INITIATION_MS, now);
  }
  return holder.turnAt <= now;
}

/** An initiation leaves: its turn is used, or it is counted now. */
export function spendTurn(budget: WorkBudget, holder: TurnHolder, now: number): void {
  if (holder.turnAt > now) budget.spend(INITIATION_MS, now);
  holder.turnAt = Infinity;
}

const SHARE = 0.4;
const PROBE_SHARE = 0.2;
const BURST_MS = 2;
/** About what one takes with OpenSSL. */
const INITIATION_MS = 0.12;
