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

/** Whether the peer may initiate now; otherwise `timer` is armed for its turn. */
export function hasTurn(state: EngineState, peer: Peer, timer: Timer, now: number): boolean {
  const { initiations, timers } = state;
  if (peer.turnAt === Infinity) {
    if (initiations.isFree(now)) return true;
    peer.turnAt = initiations.freeAt;
    initiations.spend(INITIATION_MS, now);
  }
  if (peer.turnAt <= now) return true;
  timers.arm(peer.slot, timer, peer.turnAt, 0);
  return false;
}

/** An initiation leaves: its turn is used, or it is counted now. */
export function spendTurn(state: EngineState, peer: Peer, now: number): void {
  if (peer.turnAt > now) state.initiations.spend(INITIATION_MS, now);
  peer.turnAt = Infinity;
}

const SHARE = 0.4;
const BURST_MS = 2;
/** About what one takes with OpenSSL. */
const INITIATION_MS = 0.12;
