/**
 * Probes: our next identity sends initiations to each peer until that peer answers. The probes are
 * spread over time.
 *
 * A peer answers only if it knows our next key. Its answer makes a session, as with any other
 * handshake, and from then on only the next identity is used with this peer. A peer that does not
 * answer is probed again after Rekey-Timeout and keeps its session. A probe delays no handshake of
 * the current identity, drops no packets and ends no session.
 *
 * @module
 */
import { REKEY_TIMEOUT_JITTER_MAX_MS, REKEY_TIMEOUT_MS } from '../constants.ts';
import type { EngineState } from '../engine-state.ts';
import { canReach, ensureUsable, UNANSWERED_LIMIT, sendProbe } from './handshake-send.ts';
import type { StaticIdentity } from '../handshake/static-identity.ts';
import type { Peer } from '../peer/peer.ts';
import type { StaticPair } from '../peer/static-pair.ts';
import { otherKey, pairOf, preferredPair } from './static-pairs.ts';
import { TIMER } from '../peer/timer-table.ts';

/** Starts probes to the given peers that need one. The probes are spread over time. */
export function startProbes(state: EngineState, peers: Iterable<Peer>, now: number): void {
  if (!state.nextIdentity) return;
  const interval = Math.min(INTERVAL_MS, LONGEST_SPREAD_MS / state.peers.size);
  let delay = 0;
  for (const peer of peers) {
    if (!wantsProbe(state, peer) || state.timers.isArmed(peer.slot, TIMER.PROBE)) continue;
    state.timers.arm(peer.slot, TIMER.PROBE, now, delay);
    delay += interval;
  }
}

/** Starts or stops probing a peer, after a change that may affect whether it needs probes. */
export function reviewProbe(state: EngineState, peer: Peer, now: number): void {
  if (!wantsProbe(state, peer)) state.timers.clear(peer.slot, TIMER.PROBE);
  else if (!state.timers.isArmed(peer.slot, TIMER.PROBE)) {
    state.timers.arm(
      peer.slot,
      TIMER.PROBE,
      Math.max(now, lastProbeAt(state, peer) + REKEY_TIMEOUT_MS),
      0,
    );
  }
}

/** Called by the probe timer: sends a probe, and arms the timer for the next probe. */
export function probe(state: EngineState, peer: Peer, now: number): void {
  const { identity, nextIdentity } = state;
  if (!identity || !nextIdentity || !wantsProbe(state, peer)) return;
  const pair = pairToProbe(peer, identity, nextIdentity);
  const due = lastProbeAt(state, peer) + REKEY_TIMEOUT_MS;
  if (now < due) {
    state.timers.arm(peer.slot, TIMER.PROBE, due, 0);
  } else if (state.probes.isItsTurn(pair, now)) {
    if (ensureUsable(state, pair)) sendProbe(state, pair, now);
    const jitter = state.jitter.next(REKEY_TIMEOUT_JITTER_MAX_MS);
    state.timers.arm(peer.slot, TIMER.PROBE, now, REKEY_TIMEOUT_MS + jitter);
  } else {
    state.timers.arm(peer.slot, TIMER.PROBE, state.probes.dueAt(pair), 0);
  }
}

function wantsProbe(state: EngineState, peer: Peer): boolean {
  const { nextIdentity } = state;
  return !!nextIdentity && peer.pair?.identity !== nextIdentity && canReach(state, peer);
}

/**
 * Returns the pair to probe with. After `UNANSWERED_LIMIT` unanswered probes, every second probe
 * goes to the peer's other key, because the peer may use only that key.
 */
function pairToProbe(
  peer: Peer,
  identity: StaticIdentity,
  nextIdentity: StaticIdentity,
): StaticPair<Peer> {
  const { remoteKey } = preferredPair(peer, identity);
  const { unansweredProbes: count } = peer;
  const other =
    count >= UNANSWERED_LIMIT && count % 2 === 1 ? otherKey(peer, remoteKey) : undefined;
  return pairOf(peer, nextIdentity, other ?? remoteKey);
}

function lastProbeAt(state: EngineState, peer: Peer): number {
  let last = -Infinity;
  for (const { identity, sentAt } of peer.pairs()) {
    if (identity === state.nextIdentity && sentAt > last) last = sentAt;
  }
  return last;
}

/** The time from the first probe to one peer until the first probe to the next peer, in ms. */
const INTERVAL_MS = 10;
/**
 * The first probes to all peers are sent within this time, in milliseconds. So with more than 6,000
 * peers, the interval is shorter.
 */
const LONGEST_SPREAD_MS = 60_000;
