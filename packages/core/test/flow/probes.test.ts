import { describe, expect, it } from 'vitest';
import { probe, reviewProbe, startProbes } from '../../src/flow/probes.ts';
import { pairOf, preferPair } from '../../src/flow/static-pairs.ts';
import { createStaticIdentity, type StaticIdentity } from '../../src/handshake/static-identity.ts';
import { parsePrivateKey, parsePublicKey } from '../../src/keys.ts';
import type { Peer } from '../../src/peer/peer.ts';
import { TIMER } from '../../src/peer/timer-table.ts';
import { sentAt, withSession, type WithSession } from './with-session.ts';

describe('startProbes', () => {
  it('begins to probe the peers one after the other, 10 ms apart', () => {
    const { state, peer, now, deadline } = replacing();
    const others = [1, 2, 3].map(() => another(peer, state));
    // The first of the others is probed already, so it does not delay the rest.
    state.timers.arm(others[0].slot, TIMER.PROBE, now, 7);
    // The second of the others prefers the next identity, so it needs no probe.
    others[1].pair = pairOf(others[1], state.nextIdentity!, peer.publicKey);
    startProbes(state, [peer, ...others], now);
    expect(deadline(TIMER.PROBE)).toBe(now);
    const deadlines = others.map(({ slot }) => state.timers.deadline(slot, TIMER.PROBE));
    expect(deadlines).toEqual([now + 7, Infinity, now + 10]);
  });

  it('probes all peers within a minute', () => {
    const { state, peer, now } = replacing();
    const other = another(peer, state);
    Object.defineProperty(state.peers, 'size', { value: 120_000 });
    startProbes(state, [peer, other], now);
    expect(state.timers.deadline(other.slot, TIMER.PROBE)).toBe(now + 0.5);
  });

  it('probes no peer without a next identity', () => {
    const { state, peer, now, isArmed } = replacing();
    state.nextIdentity = undefined;
    startProbes(state, [peer], now);
    expect(isArmed(TIMER.PROBE)).toBe(false);
  });
});

describe('reviewProbe', () => {
  it('arms the probe timer for the present time, or for Rekey-Timeout after the last probe', () => {
    const { state, peer, now, deadline } = replacing();
    reviewProbe(state, peer, now);
    expect(deadline(TIMER.PROBE)).toBe(now);
    state.timers.clear(peer.slot, TIMER.PROBE);
    // An initiation of the current identity is no probe.
    sentAt(peer, now);
    pairOf(peer, state.nextIdentity!, peer.publicKey).sentAt = now - 1000;
    pairOf(peer, state.nextIdentity!, parsePublicKey(new Uint8Array(32))).sentAt = now - 3000;
    reviewProbe(state, peer, now);
    expect(deadline(TIMER.PROBE)).toBe(now + 4000);
  });

  it('keeps the deadline of an armed probe, and clears it when the next identity is preferred', () => {
    const { state, peer, now, arm, isArmed, deadline } = replacing();
    arm(TIMER.PROBE, 7);
    reviewProbe(state, peer, now);
    expect(deadline(TIMER.PROBE)).toBe(now + 7);
    preferPair(pairOf(peer, state.nextIdentity!, peer.publicKey));
    reviewProbe(state, peer, now);
    expect(isArmed(TIMER.PROBE)).toBe(false);
  });

  it.each(['up', 'endpoint', 'nextIdentity'] as const)('arms no probe without %s', (missing) => {
    const { state, peer, now, isArmed } = replacing();
    if (missing === 'up') state.up = false;
    if (missing === 'endpoint') peer.endpoint = undefined;
    if (missing === 'nextIdentity') state.nextIdentity = undefined;
    reviewProbe(state, peer, now);
    expect(isArmed(TIMER.PROBE)).toBe(false);
  });
});

describe('probe', () => {
  it('sends an initiation, and arms the timer for Rekey-Timeout and a jitter later', () => {
    const { state, peer, now, types, deadline } = replacing();
    probe(state, peer, now);
    expect(types()).toEqual([1]);
    expect(peer.unansweredProbes).toBe(1);
    const wait = deadline(TIMER.PROBE) - now;
    expect(wait >= 5000 && wait <= 5334).toBe(true);
    expect(pairOf(peer, state.nextIdentity!, peer.publicKey).sentAt).toBe(now);
  });

  it('waits until Rekey-Timeout has passed since the last probe', () => {
    const { state, peer, now, types, deadline } = replacing();
    const pair = pairOf(peer, state.nextIdentity!, peer.publicKey);
    pair.sentAt = now - 4999;
    probe(state, peer, now);
    expect([types(), deadline(TIMER.PROBE)]).toEqual([[], now + 1]);
    pair.sentAt = now - 5000;
    probe(state, peer, now);
    expect(types()).toEqual([1]);
  });

  it('waits for its turn', () => {
    const { state, peer, now, types, deadline } = replacing();
    state.probes.spend(100, now);
    probe(state, peer, now);
    const { turnAt } = pairOf(peer, state.nextIdentity!, peer.publicKey);
    expect(turnAt).toBeGreaterThan(now);
    expect([types(), deadline(TIMER.PROBE)]).toEqual([[], turnAt]);
  });

  it('alternates between the two keys of the peer after three probes without an answer', () => {
    const { state, peer, now } = replacing();
    peer.nextKey = identityOf(state, 8).publicKey;
    const asked = [0, 1, 2, 3, 4, 5].map((count) => {
      peer.unansweredProbes = count;
      for (const pair of peer.pairs()) pair.sentAt = -Infinity;
      probe(state, peer, now);
      const pair = [...peer.pairs()].find((each) => each.sentAt === now)!;
      expect(pair.identity).toBe(state.nextIdentity);
      return pair.remoteKey === peer.nextKey;
    });
    expect(asked).toEqual([false, false, false, true, false, true]);
  });

  it('arms the timer again if there is no shared secret with the other key', () => {
    const { state, peer, now, types, isArmed } = replacing();
    peer.nextKey = parsePublicKey(new Uint8Array(32));
    peer.unansweredProbes = 3;
    probe(state, peer, now);
    expect(types()).toEqual([]);
    expect(isArmed(TIMER.PROBE)).toBe(true);
  });

  it.each(['identity', 'nextIdentity', 'endpoint'] as const)(
    'does nothing without %s',
    (missing) => {
      const { state, peer, now, types, isArmed } = replacing();
      if (missing === 'endpoint') peer.endpoint = undefined;
      else state[missing] = undefined;
      probe(state, peer, now);
      expect([types(), isArmed(TIMER.PROBE)]).toEqual([[], false]);
    },
  );
});

/** Returns a session while our key is being replaced. Bob was not probed yet. */
function replacing(): WithSession {
  const all = withSession();
  const { state, peer } = all;
  sentAt(peer, -Infinity);
  state.nextIdentity = identityOf(state, 9);
  return all;
}

function identityOf({ crypto }: WithSession['state'], number: number): StaticIdentity {
  return createStaticIdentity(crypto, parsePrivateKey(new Uint8Array(32).fill(number)));
}

/** Another peer with the same key and endpoint. */
function another(peer: Peer, { timers }: WithSession['state']): Peer {
  return Object.create(peer, {
    slot: { value: timers.allocate() },
    pair: { value: undefined, writable: true },
  }) as Peer;
}
