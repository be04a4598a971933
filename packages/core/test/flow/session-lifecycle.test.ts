import { describe, expect, it } from 'vitest';
import { Endpoint } from '../../src/endpoint.ts';
import { pairOf, preferPair } from '../../src/flow/static-pairs.ts';
import {
  beginSession,
  completeHandshake,
  reportExpiry,
  updateEndpoint,
  forgetSession,
  forgetSource,
  resetPeer,
} from '../../src/flow/session-lifecycle.ts';
import { nobleProvider } from '../../src/index.ts';
import { PublicKey } from '../../src/keys.ts';
import { TIMER } from '../../src/peer/timer-table.ts';
import { sentAt, stage, startedHandshake, withSession } from './with-session.ts';

const SOURCE = { sourceAddress: Uint8Array.of(192, 0, 2, 77), sourceInterface: 3 };

describe('beginSession', () => {
  it('keeps our own initiation waiting while an initiation of the peer is answered', () => {
    const { state, peer, now } = withSession();
    const { index } = startedHandshake(state, peer);
    const pair = peer.pair!;
    const answering = pair.handshake.createSecond();
    answering.state = 'response-created';
    const answerIndex = state.indices.reserve(pair);
    answering.localIndex = answerIndex;
    beginSession(state, pair, answering, 'responder', now);
    expect(pair.index).toBe(index);
    expect(state.indices.handshake(index)).toBe(pair);
    expect(peer.keypairs.next?.localIndex).toBe(answerIndex);
    expect(peer.keypairs.next?.isInitiator).toBe(false);
  });

  it('turns the index of our initiation into the index of the session', () => {
    const { state, peer, now, deadline, events } = withSession();
    const { index } = startedHandshake(state, peer);
    const pair = peer.pair!;
    pair.handshake.state = 'response-consumed';
    pair.handshake.localIndex = index;
    pair.handshake.remoteIndex = 77;
    state.outputs.traces = true;
    beginSession(state, pair, pair.handshake, 'initiator', now + 5);
    expect(pair.index).toBe(-1);
    const { current } = peer.keypairs;
    expect(state.indices.keypair(index)).toBe(current);
    expect(current).toMatchObject({ isInitiator: true, remoteIndex: 77, createdAt: now + 5 });
    expect(deadline(TIMER.ZERO_KEYS)).toBe(now + 5 + 540_000);
    expect(events()).toMatchObject([{ step: 'keypair-created' }]);
  });

  it.each([
    ['can be created', Infinity],
    ['cannot be created', 2],
  ])('wipes the transport keys if ciphers %s', (_, failing) => {
    const keys: Uint8Array[] = [];
    const crypto = {
      ...nobleProvider,
      createCipher: (key: Uint8Array) => {
        keys.push(key);
        if (keys.length === failing) throw new Error('no cipher');
        return nobleProvider.createCipher(key);
      },
    };
    const { state, peer, now } = withSession();
    const { handshake } = peer.pair!;
    handshake.state = 'response-created';
    handshake.chainingKey.fill(7);
    handshake.localIndex = state.indices.reserve(peer.pair!);
    const begin = () => beginSession({ ...state, crypto }, peer.pair!, handshake, 'responder', now);
    expect(errorOf(begin)).toBe(failing === 2 ? 'no cipher' : undefined);
    expect(keys).toEqual([new Uint8Array(32), new Uint8Array(32)]);
  });

  it.each([
    ['our key', 'nextIdentity'],
    ['the key of the peer', 'nextKey'],
  ] as const)('keeps the earlier sessions while %s is being replaced', (_, field) => {
    const { state, peer, now } = withSession();
    const { handshake } = peer.pair!;
    const begin = () => {
      handshake.state = 'response-created';
      const index = state.indices.reserve(peer.pair!);
      handshake.localIndex = index;
      beginSession(state, peer.pair!, handshake, 'responder', now);
      return index;
    };
    const before = begin();
    begin();
    expect(state.indices.keypair(before)).toBeUndefined();
    if (field === 'nextIdentity') state.nextIdentity = state.identity!;
    else peer.nextKey = peer.publicKey;
    const kept = begin();
    begin();
    expect(state.indices.keypair(kept)).toBeDefined();
  });
});

describe('completeHandshake', () => {
  it('counts the handshake, emits events and resets the state of the attempt', () => {
    const { state, peer, now, isArmed, deadline, arm, events } = withSession();
    const attempt = startedHandshake(state, peer);
    peer.pair!.sentAt = now - 30;
    arm(TIMER.RETRANSMIT, 1000);
    peer.handshakeSends = 3;
    peer.unansweredSends = 4;
    peer.unansweredProbes = 5;
    peer.turnAt = now + 7;
    peer.sentLastMinuteHandshake = true;
    peer.lastHandshakeUnixMs = 0;
    const before = state.stats.completedHandshakes;
    completeHandshake(state, peer, 'initiator', now);
    expect(state.stats.completedHandshakes).toBe(before + 1);
    expect(attempt.isForgotten()).toBe(true);
    expect(isArmed(TIMER.RETRANSMIT)).toBe(false);
    expect(deadline(TIMER.SESSION_EXPIRY)).toBe(peer.keypairs.current!.createdAt + 180_000);
    expect(peer).toMatchObject({
      handshakeSends: 0,
      unansweredSends: 0,
      unansweredProbes: 0,
      turnAt: Infinity,
      sentLastMinuteHandshake: false,
      lastHandshakeUnixMs: state.unixTime(),
      sessionUp: true,
    });
    const keys = peer.keypairs.current!.staticKeys;
    expect(events()).toEqual([
      { type: 'handshake', peer: peer.publicKey, role: 'initiator', keys, durationMs: 30 },
      { type: 'session', peer: peer.publicKey, state: 'renewed' },
    ]);
  });

  it('reports no duration as a responder, and reports that a session is up', () => {
    const { state, peer, now, events } = withSession();
    peer.sessionUp = false;
    state.outputs.emitsPeerEvents = true;
    completeHandshake(state, peer, 'responder', now);
    const keys = peer.keypairs.current!.staticKeys;
    expect(events()).toEqual([
      { type: 'handshake', peer: peer.publicKey, role: 'responder', keys },
      { type: 'session', peer: peer.publicKey, state: 'up' },
      expect.objectContaining({ type: 'peer', change: 'updated', sessionStaticKeys: keys }),
    ]);
  });

  it('reports a duration of 0 if the static pair is no longer in use', () => {
    const { state, peer, now, events } = withSession();
    peer.pair = undefined;
    completeHandshake(state, peer, 'initiator', now);
    expect(events()[0]).toMatchObject({ type: 'handshake', durationMs: 0 });
  });

  it('does nothing without a session', () => {
    const { state, peer, now, events } = withSession();
    peer.keypairs.clear(state.indices);
    completeHandshake(state, peer, 'initiator', now);
    expect(events()).toEqual([]);
    expect(state.stats.completedHandshakes).toBe(1);
  });

  it('ends the probes for the next identity if the session uses it', () => {
    const { state, peer, now, arm, isArmed } = withSession();
    state.nextIdentity = state.identity;
    arm(TIMER.PROBE, 1000);
    completeHandshake(state, peer, 'responder', now);
    expect(isArmed(TIMER.PROBE)).toBe(false);
  });

  it('prefers the pair of the session from then on', () => {
    const { state, peer, now } = withSession();
    const first = peer.pair!;
    const identity = { ...state.identity!, publicKey: new PublicKey(32) };
    preferPair(pairOf(peer, identity, first.remoteKey));
    completeHandshake(state, peer, 'responder', now);
    expect(peer.pair).toBe(first);
  });
});

describe('reportExpiry', () => {
  it('emits the event once, and clears the expiry timer', () => {
    const { state, peer, arm, isArmed, events } = withSession();
    arm(TIMER.SESSION_EXPIRY, 1000);
    reportExpiry(state, peer);
    expect(isArmed(TIMER.SESSION_EXPIRY)).toBe(false);
    expect(peer.sessionUp).toBe(false);
    reportExpiry(state, peer);
    expect(events()).toEqual([{ type: 'session', peer: peer.publicKey, state: 'expired' }]);
  });
});

describe('forgetSession', () => {
  it('wipes all keys and all handshakes', () => {
    const { state, peer, events } = withSession();
    const { current } = peer.keypairs;
    const attempt = startedHandshake(state, peer);
    const { handshake } = pairOf(peer, { ...state.identity! }, peer.publicKey);
    handshake.chainingKey.fill(7);
    forgetSession(state, peer);
    expect(attempt.isForgotten()).toBe(true);
    expect(handshake.chainingKey).toEqual(new Uint8Array(32));
    expect(peer.keypairs.current).toBeUndefined();
    expect(current!.canSend).toBe(false);
    expect(events()).toMatchObject([{ type: 'session', state: 'expired' }]);
  });
});

describe('resetPeer', () => {
  it('resets the state and drops staged packets', () => {
    const { state, peer, now, arm, isArmed, events } = withSession();
    const other = pairOf(peer, { ...state.identity! }, peer.publicKey);
    for (const timer of Object.values(TIMER)) arm(timer, 1000);
    stage(peer, 2);
    sentAt(peer, now);
    other.sentAt = now;
    other.turnAt = now;
    peer.pair!.turnAt = now;
    Object.assign(peer, {
      carrier: peer,
      handshakeSends: 1,
      unansweredSends: 2,
      unansweredProbes: 3,
      turnAt: now,
      needsAnotherKeepalive: true,
      sentLastMinuteHandshake: true,
    });
    const { endpoint, publicKey } = peer;
    resetPeer(state, peer, 'link-down');
    expect(Object.values(TIMER).filter(isArmed)).toEqual([]);
    expect(peer).toMatchObject({
      publicKey,
      endpoint,
      carrier: undefined,
      handshakeSentAt: -Infinity,
      handshakeSends: 0,
      unansweredSends: 0,
      unansweredProbes: 0,
      turnAt: Infinity,
      needsAnotherKeepalive: false,
      sentLastMinuteHandshake: false,
      sessionUp: false,
    });
    for (const { sentAt: left, turnAt } of peer.pairs()) {
      expect([left, turnAt]).toEqual([-Infinity, Infinity]);
    }
    expect(peer.keypairs.current).toBeUndefined();
    expect(state.stats.drops.toJSON()).toEqual({ 'link-down': 2 });
    expect(peer.drops()).toEqual({ 'link-down': 2 });
    expect(events()).toEqual([{ type: 'session', peer: publicKey, state: 'expired' }]);
  });

  it('cancels a pending roam event', () => {
    const { state, peer, now } = withSession();
    for (const port of [1, 2]) {
      updateEndpoint(state, peer, new Endpoint(peer.endpoint!.address, port), now);
    }
    expect(state.roams.due).toBe(now + 1000);
    resetPeer(state, peer, 'peer-removed');
    expect(state.roams.due).toBe(Infinity);
  });
});

describe('updateEndpoint', () => {
  it('keeps the endpoint object of the peer if the new endpoint is equal', () => {
    const { state, peer, now, events } = withSession();
    const { address, port } = peer.endpoint!;
    const first = new Endpoint(address, port, SOURCE);
    updateEndpoint(state, peer, first, now);
    expect(peer.endpoint).toBe(first);
    updateEndpoint(state, peer, new Endpoint(address, port, SOURCE), now);
    expect(peer.endpoint).toBe(first);
    expect(events()).toEqual([]);
  });

  it('reports a new address or port, but not a new source', () => {
    const { state, peer, now, events } = withSession();
    const previous = peer.endpoint!;
    const elsewhere = new Endpoint(previous.address, 9);
    updateEndpoint(state, peer, elsewhere, now);
    expect(events()).toEqual([
      { type: 'roam', peer: peer.publicKey, endpoint: elsewhere, previous },
    ]);
    updateEndpoint(state, peer, new Endpoint(previous.address, 9, SOURCE), now);
    expect(peer.endpoint?.sourceInterface).toBe(3);
    expect([events(), state.roams.due]).toEqual([[], Infinity]);
  });

  it('sets the first endpoint of a peer, which can then be probed', () => {
    const { state, peer, now, isArmed, events } = withSession();
    const source = peer.endpoint!;
    state.nextIdentity = { ...state.identity! };
    peer.endpoint = undefined;
    updateEndpoint(state, peer, source, now);
    expect(peer.endpoint).toBe(source);
    expect(events()).toMatchObject([{ type: 'roam', endpoint: source, previous: undefined }]);
    expect(isArmed(TIMER.PROBE)).toBe(true);
    state.timers.clear(peer.slot, TIMER.PROBE);
    updateEndpoint(state, peer, new Endpoint(source.address, 9), now);
    expect(isArmed(TIMER.PROBE)).toBe(false);
  });
});

describe('forgetSource', () => {
  it('lets the kernel choose the source address again', () => {
    const { peer } = withSession();
    peer.endpoint = new Endpoint(peer.endpoint!.address, 9, SOURCE);
    forgetSource(peer);
    expect(peer.endpoint).toEqual(new Endpoint(peer.endpoint.address, 9));
    peer.endpoint = undefined;
    forgetSource(peer);
    expect(peer.endpoint).toBeUndefined();
  });
});

function errorOf(run: () => void): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
