import { describe, expect, it } from 'vitest';
import { MacSender } from '../../src/cookie/macs.ts';
import { KEEPALIVE_TIMEOUT_MS } from '../../src/constants.ts';
import {
  abandonHandshake,
  abandonPair,
  canReach,
  dropStaged,
  ensureUsable,
  handshakeOf,
  retryHandshake,
  sendProbe,
  sendResponse,
  startHandshake,
} from '../../src/flow/handshake-send.ts';
import { pairOf, preferPair } from '../../src/flow/static-pairs.ts';
import { NO_PRESHARED_KEY } from '../../src/handshake/handshake.ts';
import { createStaticIdentity, type StaticIdentity } from '../../src/handshake/static-identity.ts';
import { parsePrivateKey, parsePublicKey, PresharedKey } from '../../src/keys.ts';
import { TIMER } from '../../src/peer/timer-table.ts';
import { sentAt, stage, startedHandshake, withSession, type WithSession } from './with-session.ts';

describe('startHandshake', () => {
  it('sends an initiation and waits for the response', () => {
    const { state, peer, now, types, deadline, events, isArmed, arm } = idle();
    arm(TIMER.KEEPALIVE, KEEPALIVE_TIMEOUT_MS);
    peer.persistentKeepalive = 25;
    peer.handshakeSends = 4;
    state.outputs.traces = true;
    const { sentInitiations, sentBytes } = state.stats;
    const before = peer.sentBytes;
    startHandshake(state, peer, now);
    expect(types()).toEqual([1]);
    expect(peer).toMatchObject({
      handshakeSends: 1,
      unansweredSends: 1,
      attemptStartedAt: now,
      handshakeSentAt: now,
      sentBytes: before + 148,
    });
    expect(peer.pair!.sentAt).toBe(now);
    expect(state.stats.sentInitiations).toBe(sentInitiations + 1);
    expect(state.stats.sentBytes).toBe(sentBytes + 148);
    expect(deadline(TIMER.RETRANSMIT) - now).toBeGreaterThanOrEqual(5000);
    expect(deadline(TIMER.RETRANSMIT) - now).toBeLessThanOrEqual(5334);
    expect(deadline(TIMER.PERSISTENT_KEEPALIVE)).toBe(now + 25_000);
    expect(isArmed(TIMER.KEEPALIVE)).toBe(false);
    expect(events()).toMatchObject([{ step: 'initiation-sent', sends: 1 }]);
  });

  it.each([
    [4999, 0, 1],
    [5000, 1, 0],
  ])('sends no second initiation within 5 s: after %i ms it sends %i', (ms, sent, later) => {
    const { state, peer, now, types, deadline } = idle();
    peer.handshakeSentAt = now - ms;
    startHandshake(state, peer, now);
    expect(types()).toHaveLength(sent);
    expect(peer.attemptStartedAt).toBe(now);
    const wait = deadline(TIMER.RETRANSMIT) - (now - ms);
    expect(wait >= 5000 && wait <= 5334).toBe(later === 1);
  });

  it('also waits until 5 s have passed since the last initiation of the static pair', () => {
    const { state, peer, now, types } = idle();
    peer.pair!.sentAt = now - 4999;
    startHandshake(state, peer, now);
    expect(types()).toEqual([]);
  });

  it('continues an attempt, but counts at most one of its earlier initiations', () => {
    const { state, peer, now, arm, deadline, types } = idle();
    arm(TIMER.RETRANSMIT, 7);
    peer.attemptStartedAt = now - 50;
    peer.handshakeSentAt = now - 4000;
    for (const [before, after] of [
      [9, 1],
      [0, 0],
    ]) {
      peer.handshakeSends = before;
      startHandshake(state, peer, now);
      expect(peer.handshakeSends).toBe(after);
    }
    expect(peer.attemptStartedAt).toBe(now - 50);
    expect(deadline(TIMER.RETRANSMIT)).toBe(now + 7);
    expect(types()).toEqual([]);
  });

  it('uses up the turn that a timer has reserved', () => {
    const { state, peer, now } = idle();
    peer.turnAt = now;
    startHandshake(state, peer, now);
    expect(peer.turnAt).toBe(Infinity);
    expect(state.initiations.isFree(now)).toBe(true);
  });

  it('does nothing if we have no private key, the peer has no endpoint or no usable key, or the link is down', () => {
    for (const missing of ['identity', 'endpoint', 'up', 'unusable'] as const) {
      const { state, peer, now, types, isArmed } = idle();
      if (missing === 'identity') state.identity = undefined;
      if (missing === 'endpoint') peer.endpoint = undefined;
      if (missing === 'up') state.up = false;
      if (missing === 'unusable') peer.unusable = true;
      expect(canReach(state, peer)).toBe(false);
      startHandshake(state, peer, now);
      retryHandshake(state, peer, now);
      expect([types(), isArmed(TIMER.RETRANSMIT), peer.handshakeSends]).toEqual([[], false, 0]);
    }
  });

  it('frees the index of the previous initiation', () => {
    const { state, peer, now } = idle();
    const { index } = startedHandshake(state, peer);
    startHandshake(state, peer, now);
    expect(state.indices.handshake(index)).toBeUndefined();
    expect(state.indices.handshake(peer.pair!.index)).toBe(peer.pair);
  });

  it('frees the index and counts nothing if there is no shared secret', () => {
    const { state, peer, now, types } = idle();
    const { sentInitiations } = state.stats;
    const lowOrder = pairOf(peer, state.identity!, parsePublicKey(new Uint8Array(32)));
    lowOrder.handshake.staticStatic = new Uint8Array(32).fill(1);
    preferPair(lowOrder);
    const reserved: number[] = [];
    const reserve = state.indices.reserve.bind(state.indices);
    state.indices.reserve = (pair) => reserved[reserved.push(reserve(pair)) - 1];
    startHandshake(state, peer, now);
    expect(reserved).toHaveLength(1);
    expect(state.indices.handshake(reserved[0])).toBeUndefined();
    expect([lowOrder.index, lowOrder.sentAt]).toEqual([-1, -Infinity]);
    expect([types(), peer.handshakeSends, peer.unansweredSends]).toEqual([[], 0, 0]);
    expect(state.stats.sentInitiations).toBe(sentInitiations);
  });

  it('tries the peer’s other key and our other key after three unanswered initiations', () => {
    const { state, peer, now } = idle();
    const next = identityOf(9);
    const key = peer.publicKey;
    const nextKey = personKey(8);
    const own = state.identity!;
    const tried = (sends: number, time: number) => {
      peer.unansweredSends = sends;
      peer.handshakeSentAt = -Infinity;
      for (const pair of peer.pairs()) pair.sentAt = -Infinity;
      startHandshake(state, peer, time);
      const pair = [...peer.pairs()].find((each) => each.sentAt === time)!;
      return [pair.identity === own ? 'own' : 'next', pair.remoteKey === key ? 'key' : 'nextKey'];
    };
    // Each side has one key, so there is no other pair to try.
    expect(tried(4, now)).toEqual(['own', 'key']);
    peer.nextKey = nextKey;
    expect([1, 2, 3, 4, 5].map((sends) => tried(sends, now + sends))).toEqual([
      ['own', 'key'],
      ['own', 'key'],
      ['own', 'nextKey'],
      ['own', 'key'],
      ['own', 'nextKey'],
    ]);
    // Until the peer has shown that it knows our next identity, only probes use that identity.
    state.nextIdentity = next;
    expect([3, 4].map((sends) => tried(sends, now + sends))).toEqual([
      ['own', 'nextKey'],
      ['own', 'key'],
    ]);
    preferPair(pairOf(peer, next, key));
    expect([4, 5, 6, 7].map((sends) => tried(sends, now + sends))).toEqual([
      ['next', 'key'],
      ['own', 'key'],
      ['next', 'nextKey'],
      ['own', 'nextKey'],
    ]);
  });

  it('keeps the preferred key if there is no shared secret with the other key', () => {
    const { state, peer, now, types } = idle();
    peer.nextKey = parsePublicKey(new Uint8Array(32));
    peer.unansweredSends = 3;
    startHandshake(state, peer, now);
    expect(types()).toEqual([1]);
    expect(peer.unusable).toBe(false);
    expect(peer.pair!.sentAt).toBe(now);
  });
});

describe('retryHandshake', () => {
  it('emits a trace of the retry, and sends an initiation', () => {
    const { state, peer, now, types, events } = idle();
    peer.handshakeSends = 1;
    sentAt(peer, now - 5000);
    state.outputs.traces = true;
    retryHandshake(state, peer, now);
    expect(types()).toEqual([1]);
    expect(events()).toMatchObject([
      { step: 'retrying', sends: 1 },
      { step: 'initiation-sent', sends: 2 },
    ]);
  });

  it.each([
    [1, 0],
    [2, 1],
    [7, 1],
  ])(
    'after %i unanswered initiations, asks %i times for a look-up of the endpoint name',
    (sends, asks) => {
      const { state, peer, now, events } = idle();
      peer.unansweredSends = sends;
      sentAt(peer, now - 5000);
      peer.endpointName = 'vpn.example:1';
      const { publicKey, endpoint } = peer;
      retryHandshake(state, peer, now);
      const event = {
        type: 'unanswered',
        peer: publicKey,
        endpointName: 'vpn.example:1',
        endpoint,
      };
      expect(events()).toEqual(Array.from({ length: asks }, () => event));
    },
  );

  it('asks for no look-up if the peer has no endpoint name', () => {
    const { state, peer, now, events } = idle();
    peer.unansweredSends = 7;
    sentAt(peer, now - 5000);
    retryHandshake(state, peer, now);
    expect(events()).toEqual([]);
  });

  it('waits until Rekey-Timeout has passed', () => {
    const { state, peer, now, types, deadline } = idle();
    sentAt(peer, now - 4999);
    retryHandshake(state, peer, now);
    expect(types()).toEqual([]);
    const wait = deadline(TIMER.RETRANSMIT) - (now - 4999);
    expect(wait >= 5000 && wait <= 5334).toBe(true);
  });
});

describe('sendProbe', () => {
  it('sends a probe that does not belong to an attempt, and does not count as a keepalive', () => {
    const { state, peer, now, types, events, isArmed, arm } = idle();
    const pair = pairOf(peer, identityOf(9), peer.publicKey);
    pair.handshake.ensureStaticStatic(state.crypto, pair.identity);
    pair.turnAt = now;
    arm(TIMER.KEEPALIVE, 1000);
    state.outputs.traces = true;
    sendProbe(state, pair, now);
    expect(types()).toEqual([1]);
    expect(peer).toMatchObject({ unansweredProbes: 1, unansweredSends: 0, handshakeSends: 0 });
    expect(peer.handshakeSentAt).toBe(-Infinity);
    expect(isArmed(TIMER.KEEPALIVE)).toBe(true);
    expect(isArmed(TIMER.RETRANSMIT)).toBe(false);
    expect([pair.sentAt, pair.turnAt]).toEqual([now, Infinity]);
    expect(events()).toMatchObject([{ step: 'probe-sent' }]);
  });
});

describe('sendResponse', () => {
  it('sends a response, and delays a retry of our own initiation', () => {
    const { state, peer, now, types, deadline, arm, events } = idle();
    const { handshake } = consumed(state, peer);
    arm(TIMER.RETRANSMIT, 7);
    state.outputs.traces = true;
    const { sentResponses, sentBytes } = state.stats;
    expect(sendResponse(state, peer.pair!, handshake, now)).toBe(true);
    expect(types()).toEqual([2]);
    expect(state.stats.sentResponses).toBe(sentResponses + 1);
    expect(state.stats.sentBytes).toBe(sentBytes + 92);
    expect(peer.handshakeSentAt).toBe(now);
    expect(deadline(TIMER.RETRANSMIT)).toBeGreaterThanOrEqual(now + 5000);
    expect(events()).toMatchObject([{ step: 'response-sent' }]);
    expect(state.indices.handshake(handshake.localIndex)).toBe(peer.pair);
  });

  it('starts no attempt', () => {
    const { state, peer, now, isArmed } = idle();
    const { handshake } = consumed(state, peer);
    sendResponse(state, peer.pair!, handshake, now);
    expect(isArmed(TIMER.RETRANSMIT)).toBe(false);
  });

  it('frees the index if there is no initiation to answer', () => {
    const { state, peer, now, types } = idle();
    let reserved = -1;
    const reserve = state.indices.reserve.bind(state.indices);
    state.indices.reserve = (pair) => (reserved = reserve(pair));
    expect(sendResponse(state, peer.pair!, peer.pair!.handshake, now)).toBe(false);
    expect(state.indices.handshake(reserved)).toBeUndefined();
    expect(reserved).not.toBe(-1);
    expect([types(), state.stats.sentResponses]).toEqual([[], 0]);
  });
});

describe('handshakeOf', () => {
  it('uses the current preshared key of the peer', () => {
    const { peer } = idle();
    expect(handshakeOf(peer.pair!).presharedKey).toBe(NO_PRESHARED_KEY);
    peer.presharedKey = new PresharedKey(32);
    expect(handshakeOf(peer.pair!).presharedKey).toBe(peer.presharedKey);
  });
});

describe('ensureUsable', () => {
  it('marks a peer without a shared secret as unusable, and drops its staged packets', () => {
    const { state, peer } = idle();
    peer.publicKey = parsePublicKey(new Uint8Array(32));
    stage(peer, 2);
    const pair = pairOf(peer, state.identity!, peer.publicKey);
    expect(ensureUsable(state, pair)).toBe(false);
    expect(peer.unusable).toBe(true);
    expect(state.stats.drops.toJSON()).toEqual({ 'peer-unusable': 2 });
    // This pair has a shared secret, so the result is false because of the mark.
    expect(ensureUsable(state, peer.pair!)).toBe(false);
  });

  it('does not mark a peer because of its other key', () => {
    const { state, peer } = idle();
    stage(peer, 2);
    const pair = pairOf(peer, state.identity!, parsePublicKey(new Uint8Array(32)));
    expect(ensureUsable(state, pair)).toBe(false);
    expect(peer.unusable).toBe(false);
    expect(peer.staged?.length).toBe(2);
    expect(ensureUsable(state, peer.pair!)).toBe(true);
  });
});

describe('dropStaged', () => {
  it('counts the dropped packets for the engine and for the peer, and remembers the peer', () => {
    const { state, peer } = idle();
    stage(peer, 3);
    dropStaged(state, peer, 'handshake-timeout');
    expect(peer.staged?.length).toBe(0);
    expect(state.stats.drops.toJSON()).toEqual({ 'handshake-timeout': 3 });
    expect(peer.drops()).toEqual({ 'handshake-timeout': 3 });
    expect(state.stats.drops.takeDetails('handshake-timeout').lastPeer).toBe(peer.publicKey);
  });

  it('counts nothing if no packets are staged', () => {
    const { state, peer } = idle();
    peer.staged = undefined;
    dropStaged(state, peer, 'link-down');
    stage(peer, 0);
    dropStaged(state, peer, 'link-down');
    expect(state.stats.drops.takeDetails('link-down').lastPeer).toBeUndefined();
    expect(peer.drops()).toEqual({});
  });
});

describe('abandonHandshake', () => {
  it('forgets the attempt, but keeps a probe, which still waits for its answer', () => {
    const { state, peer } = idle();
    state.nextIdentity = identityOf(9);
    const probing = pairOf(peer, state.nextIdentity, peer.publicKey);
    probing.index = state.indices.reserve(probing);
    const attempt = startedHandshake(state, peer);
    abandonHandshake(state, peer);
    expect(attempt.isForgotten()).toBe(true);
    expect(state.indices.handshake(probing.index)).toBe(probing);
    abandonPair(state, probing);
    expect(probing.index).toBe(-1);
  });
});

describe('a handshake message', () => {
  it('gives its static pair a MacSender, and is not sent without an endpoint', () => {
    const { state, peer, now, types } = idle();
    const { handshake } = consumed(state, peer);
    peer.pair!.macs = undefined;
    peer.endpoint = undefined;
    sendResponse(state, peer.pair!, handshake, now);
    expect(peer.pair!.macs).toBeInstanceOf(MacSender);
    expect(types()).toEqual([]);
  });
});

/** Returns a session in which a handshake message may be sent at once. */
function idle(): WithSession {
  const all = withSession();
  sentAt(all.peer, -Infinity);
  return all;
}

/** Puts the handshake into the state that it has after an initiation from the peer. */
function consumed({ crypto }: WithSession['state'], peer: WithSession['peer']) {
  const { handshake } = peer.pair!;
  handshake.state = 'initiation-consumed';
  handshake.remoteIndex = 5;
  handshake.remoteEphemeral.set(crypto.dhPublicKey(new Uint8Array(32).fill(3)));
  return { handshake };
}

function identityOf(number: number): StaticIdentity {
  const { state } = idle();
  return createStaticIdentity(state.crypto, parsePrivateKey(new Uint8Array(32).fill(number)));
}

function personKey(number: number) {
  return identityOf(number).publicKey;
}
