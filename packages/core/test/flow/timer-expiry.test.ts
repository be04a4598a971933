import { describe, expect, it } from 'vitest';
import { Endpoint } from '../../src/endpoint.ts';
import { fireTimers } from '../../src/flow/timer-expiry.ts';
import { createStaticIdentity } from '../../src/handshake/static-identity.ts';
import { parsePrivateKey } from '../../src/keys.ts';
import { TIMER } from '../../src/peer/timer-table.ts';
import { sentAt, stage, startedHandshake, withSession } from './with-session.ts';

const STICKY = { sourceAddress: Uint8Array.of(192, 0, 2, 77), sourceInterface: 3 };

describe('fireTimers', () => {
  it('fires timers that are due now, and no timers that are due later', () => {
    const { state, peer, arm, isArmed, now } = withSession();
    arm(TIMER.SESSION_EXPIRY, 0);
    arm(TIMER.KEEPALIVE, 0.001);
    fireTimers(state, now);
    expect(peer.sessionUp).toBe(false);
    expect([isArmed(TIMER.SESSION_EXPIRY), isArmed(TIMER.KEEPALIVE)]).toEqual([false, true]);
  });

  it('fires the due timers of all peers', () => {
    const { state, peer, now } = withSession();
    const other = state.timers.allocate();
    const fired: number[] = [];
    state.peersBySlot[other] = Object.create(peer, {
      slot: { value: other },
      keypairs: { value: { clear: () => fired.push(other), sendKeypair: () => undefined } },
    });
    for (const slot of [peer.slot, other]) state.timers.arm(slot, TIMER.ZERO_KEYS, now, 0);
    fireTimers(state, now);
    expect(fired).toEqual([other]);
    expect(peer.keypairs.current).toBeUndefined();
  });

  it('stops at a slot without a peer', () => {
    const { state, now } = withSession();
    const nobody = state.timers.allocate();
    state.timers.arm(nobody, TIMER.KEEPALIVE, now, -1);
    fireTimers(state, now);
    expect(state.timers.isArmed(nobody, TIMER.KEEPALIVE)).toBe(true);
  });

  it('ends an old session before it sends anything, after a long sleep', () => {
    const { state, peer, arm, now, types } = withSession();
    sentAt(peer, now - 5000);
    for (const timer of [TIMER.PERSISTENT_KEEPALIVE, TIMER.KEEPALIVE, TIMER.ZERO_KEYS]) {
      arm(timer, -1);
    }
    fireTimers(state, now);
    expect(types()).toEqual([1]);
  });
});

describe('ZERO_KEYS', () => {
  it('wipes the keys, ends the session and clears its timers', () => {
    const { state, peer, arm, isArmed, now, events } = withSession();
    const keypair = peer.keypairs.current!;
    sentAt(peer, now - 5000);
    const handshake = startedHandshake(state, peer);
    for (const timer of [
      TIMER.SESSION_EXPIRY,
      TIMER.NEW_HANDSHAKE,
      TIMER.KEEPALIVE,
      TIMER.RETRANSMIT,
    ]) {
      arm(timer, 1000);
    }
    arm(TIMER.ZERO_KEYS, 0);
    state.outputs.traces = true;
    fireTimers(state, now);
    expect(peer.keypairs.current).toBeUndefined();
    expect(state.indices.keypair(keypair.localIndex)).toBeUndefined();
    for (const timer of [TIMER.SESSION_EXPIRY, TIMER.NEW_HANDSHAKE, TIMER.KEEPALIVE]) {
      expect(isArmed(timer)).toBe(false);
    }
    expect(isArmed(TIMER.RETRANSMIT)).toBe(true);
    expect(events()).toEqual([
      { type: 'trace', peer: peer.publicKey, step: 'keys-removed', sends: peer.handshakeSends },
      { type: 'session', peer: peer.publicKey, state: 'expired' },
    ]);
    expect(handshake.isForgotten()).toBe(true);
  });

  it('also clears the timer for the end of a session if no session was up', () => {
    const { state, peer, arm, isArmed, now, events } = withSession();
    events();
    peer.sessionUp = false;
    arm(TIMER.SESSION_EXPIRY, 1000);
    arm(TIMER.ZERO_KEYS, 0);
    fireTimers(state, now);
    expect([isArmed(TIMER.SESSION_EXPIRY), events()]).toEqual([false, []]);
  });

  it('keeps an attempt that began less than Rekey-Timeout ago', () => {
    const { state, peer, arm, now } = withSession();
    sentAt(peer, now - 4999);
    const handshake = startedHandshake(state, peer);
    arm(TIMER.ZERO_KEYS, 0);
    fireTimers(state, now);
    expect(handshake.isForgotten()).toBe(false);
  });
});

describe('SESSION_EXPIRY', () => {
  it('reports the end of the session, and keeps the keys for messages in flight', () => {
    const { state, peer, arm, now, events } = withSession();
    arm(TIMER.SESSION_EXPIRY, 0);
    fireTimers(state, now);
    expect(events()).toEqual([{ type: 'session', peer: peer.publicKey, state: 'expired' }]);
    expect(peer.keypairs.current).toBeDefined();
  });
});

describe('RETRANSMIT', () => {
  it('sends the initiation again, and lets the kernel choose the source', () => {
    const { state, peer, arm, now, types } = withSession();
    peer.endpoint = new Endpoint(peer.endpoint!.address, 9, STICKY);
    peer.handshakeSends = 19;
    sentAt(peer, now - 5000);
    arm(TIMER.RETRANSMIT, 0);
    fireTimers(state, now);
    expect(types()).toEqual([1]);
    expect(peer.endpoint).toEqual(new Endpoint(peer.endpoint.address, 9));
    expect(peer.handshakeSends).toBe(20);
  });

  it('waits for its turn, and keeps the source until then', () => {
    const { state, peer, arm, now, types, deadline } = withSession();
    peer.endpoint = new Endpoint(peer.endpoint!.address, 9, STICKY);
    sentAt(peer, now - 5000);
    state.initiations.spend(100, now);
    arm(TIMER.RETRANSMIT, 0);
    fireTimers(state, now);
    expect(types()).toEqual([]);
    expect(peer.endpoint.sourceAddress).toBe(STICKY.sourceAddress);
    expect(deadline(TIMER.RETRANSMIT)).toBeGreaterThan(now);
  });

  it('gives up after 20 initiations: drops staged packets, arms the wipe of the keys, emits an event', () => {
    const { state, peer, arm, isArmed, deadline, now, types, events } = withSession();
    const handshake = startedHandshake(state, peer);
    stage(peer, 3);
    peer.handshakeSends = 20;
    state.timers.clear(peer.slot, TIMER.ZERO_KEYS);
    arm(TIMER.KEEPALIVE, 1000);
    arm(TIMER.RETRANSMIT, 0);
    state.outputs.traces = true;
    fireTimers(state, now);
    expect(types()).toEqual([]);
    expect(handshake.isForgotten()).toBe(true);
    expect(peer.staged?.length).toBe(0);
    expect(state.stats.drops.toJSON()).toEqual({ 'handshake-timeout': 3 });
    expect(isArmed(TIMER.KEEPALIVE)).toBe(false);
    expect(deadline(TIMER.ZERO_KEYS)).toBe(now + 540_000);
    expect(events()).toEqual([
      { type: 'trace', peer: peer.publicKey, step: 'gave-up', sends: 20 },
      { type: 'handshake-failed', peer: peer.publicKey },
    ]);
  });

  it('asks for a look-up of the endpoint name when it gives up', () => {
    const { state, peer, arm, now, events } = withSession();
    startedHandshake(state, peer);
    peer.handshakeSends = 20;
    peer.endpointName = 'vpn.example:1';
    arm(TIMER.RETRANSMIT, 0);
    events();
    fireTimers(state, now);
    expect(events()).toMatchObject([
      { type: 'unanswered', endpointName: 'vpn.example:1', endpoint: peer.endpoint },
      { type: 'handshake-failed' },
    ]);
  });

  it('does not delay a wipe of keys that is due earlier', () => {
    const { state, peer, arm, deadline, now } = withSession();
    peer.handshakeSends = 20;
    arm(TIMER.ZERO_KEYS, 7);
    arm(TIMER.RETRANSMIT, 0);
    fireTimers(state, now);
    expect(deadline(TIMER.ZERO_KEYS)).toBe(now + 7);
  });

  it.each([
    [11_999, false],
    [12_000, true],
  ])(
    'checks the time, not the number of initiations, if a limit of 12 s is set: after %i ms',
    (ms, gaveUp) => {
      const { state, peer, arm, now, events } = withSession({
        alice: { handshakeGiveUpMs: 12_000 },
      });
      peer.attemptStartedAt = now - ms;
      sentAt(peer, now - 5000);
      peer.handshakeSends = 20;
      arm(TIMER.RETRANSMIT, 0);
      fireTimers(state, now);
      expect(events().some(({ type }) => type === 'handshake-failed')).toBe(gaveUp);
    },
  );
});

describe('NEW_HANDSHAKE', () => {
  it('starts a handshake, and lets the kernel choose the source', () => {
    const { state, peer, arm, now, types, events } = withSession();
    peer.endpoint = new Endpoint(peer.endpoint!.address, 9, STICKY);
    sentAt(peer, now - 5000);
    arm(TIMER.NEW_HANDSHAKE, 0);
    state.outputs.traces = true;
    fireTimers(state, now);
    expect(types()).toEqual([1]);
    expect(peer.endpoint.sourceAddress).toBeUndefined();
    expect(events()).toMatchObject([{ step: 'not-heard' }, { step: 'initiation-sent' }]);
  });

  it('waits for its turn', () => {
    const { state, peer, arm, now, types, events, deadline } = withSession();
    sentAt(peer, now - 5000);
    state.initiations.spend(100, now);
    arm(TIMER.NEW_HANDSHAKE, 0);
    state.outputs.traces = true;
    fireTimers(state, now);
    expect([types(), events()]).toEqual([[], []]);
    expect(deadline(TIMER.NEW_HANDSHAKE)).toBe(peer.turnAt);
  });
});

describe('KEEPALIVE', () => {
  it('sends one keepalive', () => {
    const { state, arm, isArmed, now, types } = withSession();
    arm(TIMER.KEEPALIVE, 0);
    fireTimers(state, now);
    expect(types()).toEqual([4]);
    expect(state.stats.sentKeepalives).toBe(1);
    expect(isArmed(TIMER.KEEPALIVE)).toBe(false);
  });

  it('is armed again for 10 s later if data arrived meanwhile', () => {
    const { state, peer, arm, deadline, now } = withSession();
    peer.needsAnotherKeepalive = true;
    arm(TIMER.KEEPALIVE, 0);
    fireTimers(state, now);
    expect(peer.needsAnotherKeepalive).toBe(false);
    expect(deadline(TIMER.KEEPALIVE)).toBe(now + 10_000);
  });
});

describe('PERSISTENT_KEEPALIVE', () => {
  it('sends a keepalive and is armed again', () => {
    const { state, peer, arm, deadline, now, types } = withSession();
    peer.persistentKeepalive = 25;
    arm(TIMER.PERSISTENT_KEEPALIVE, 0);
    fireTimers(state, now);
    expect(types()).toEqual([4]);
    expect(deadline(TIMER.PERSISTENT_KEEPALIVE)).toBe(now + 25_000);
  });

  it('is armed again even if no handshake may be sent now', () => {
    const { state, peer, arm, deadline, now, types } = withSession();
    peer.persistentKeepalive = 25;
    peer.keypairs.clear(state.indices);
    sentAt(peer, now - 1);
    arm(TIMER.PERSISTENT_KEEPALIVE, 0);
    fireTimers(state, now);
    expect(types()).toEqual([]);
    expect(deadline(TIMER.PERSISTENT_KEEPALIVE)).toBe(now + 25_000);
  });

  it('is not armed for a peer that cannot be reached', () => {
    const { state, peer, arm, isArmed, now } = withSession();
    peer.persistentKeepalive = 25;
    peer.endpoint = undefined;
    arm(TIMER.PERSISTENT_KEEPALIVE, 0);
    fireTimers(state, now);
    expect(isArmed(TIMER.PERSISTENT_KEEPALIVE)).toBe(false);
  });

  it('waits for its turn if it would start a handshake, and does not wait if it can send a message', () => {
    const { state, peer, arm, deadline, now, types } = withSession();
    peer.persistentKeepalive = 25;
    state.initiations.spend(100, now);
    arm(TIMER.PERSISTENT_KEEPALIVE, 0);
    fireTimers(state, now);
    expect(types()).toEqual([4]);
    peer.keypairs.clear(state.indices);
    sentAt(peer, -Infinity);
    arm(TIMER.PERSISTENT_KEEPALIVE, 0);
    fireTimers(state, now);
    expect(types()).toEqual([4]);
    expect(deadline(TIMER.PERSISTENT_KEEPALIVE)).toBe(peer.turnAt);
  });
});

describe('PROBE', () => {
  it('sends a probe to find out whether the peer knows the next identity', () => {
    const { state, peer, arm, now, types } = withSession();
    const privateKey = parsePrivateKey(new Uint8Array(32).fill(9));
    state.nextIdentity = createStaticIdentity(state.crypto, privateKey);
    arm(TIMER.PROBE, 0);
    fireTimers(state, now);
    expect(types()).toEqual([1]);
    expect(peer.unansweredProbes).toBe(1);
  });
});
