import { describe, expect, it } from 'vitest';
import type { EngineState } from '../../src/engine-state.ts';
import {
  authenticatedReceived,
  authenticatedSent,
  authenticatedTraversal,
  awaitHandshake,
  dataReceived,
  dataSent,
  handshakeCompleted,
  sessionDerived,
  sessionStarted,
} from '../../src/flow/timers.ts';
import type { PublicKey } from '../../src/keys.ts';
import type { Keypair } from '../../src/peer/keypairs.ts';
import { Peer } from '../../src/peer/peer.ts';
import { TIMER, TimerTable, type Timer } from '../../src/peer/timer-table.ts';

const JITTER = 300;

describe('dataSent', () => {
  it('expects an answer within 15 s and a jitter after the first packet', () => {
    const { state, peer, deadline } = create();
    dataSent(state, peer, 1000);
    dataSent(state, peer, 2000);
    expect(deadline(TIMER.NEW_HANDSHAKE)).toBe(1000 + 15_000 + JITTER);
  });
});

describe('dataReceived', () => {
  it('arms the keepalive for 10 s later, and remembers data that arrives before that', () => {
    const { state, peer, deadline } = create();
    dataReceived(state, peer, 1000);
    expect(deadline(TIMER.KEEPALIVE)).toBe(11_000);
    expect(peer.needsAnotherKeepalive).toBe(false);
    dataReceived(state, peer, 2000);
    expect(deadline(TIMER.KEEPALIVE)).toBe(11_000);
    expect(peer.needsAnotherKeepalive).toBe(true);
  });
});

describe('authenticatedSent', () => {
  it('clears only the keepalive timer, because the message serves as the keepalive', () => {
    const { state, peer, armed } = armedAll();
    authenticatedSent(state, peer);
    expect(armed()).toEqual(without(TIMER.KEEPALIVE));
  });
});

describe('authenticatedReceived', () => {
  it('clears only the timer for a new handshake, because the message serves as an answer', () => {
    const { state, peer, armed } = armedAll();
    authenticatedReceived(state, peer);
    expect(armed()).toEqual(without(TIMER.NEW_HANDSHAKE));
  });
});

describe('handshakeCompleted', () => {
  it('clears only the retransmit timer', () => {
    const { state, peer, armed } = armedAll();
    handshakeCompleted(state, peer);
    expect(armed()).toEqual(without(TIMER.RETRANSMIT));
  });
});

describe('authenticatedTraversal', () => {
  it('delays the persistent keepalive by its interval, and does not arm it if it is off', () => {
    const { state, peer, deadline } = create();
    authenticatedTraversal(state, peer, 1000);
    expect(deadline(TIMER.PERSISTENT_KEEPALIVE)).toBe(Infinity);
    peer.persistentKeepalive = 25;
    authenticatedTraversal(state, peer, 1000);
    authenticatedTraversal(state, peer, 2000);
    expect(deadline(TIMER.PERSISTENT_KEEPALIVE)).toBe(27_000);
  });
});

describe('awaitHandshake', () => {
  it('waits 5 s and a jitter', () => {
    const { state, peer, deadline } = create();
    awaitHandshake(state, peer, 1000);
    expect(deadline(TIMER.RETRANSMIT)).toBe(1000 + 5000 + JITTER);
  });

  it.each([
    [12_000, 6700, 12_000],
    [12_000, 6699, 11_999],
    [12_000, 6701, 12_000],
    [100, 0, 100],
  ])(
    'waits no longer than the limit of %i ms for the attempt: sent at %i',
    (limit, sentAt, expected) => {
      const { state, peer, deadline } = create(limit);
      peer.attemptStartedAt = 0;
      awaitHandshake(state, peer, sentAt);
      expect(deadline(TIMER.RETRANSMIT)).toBe(expected);
    },
  );

  it('counts the limit from the beginning of the attempt', () => {
    const { state, peer, deadline } = create(12_000);
    peer.attemptStartedAt = 5000;
    awaitHandshake(state, peer, 16_000);
    expect(deadline(TIMER.RETRANSMIT)).toBe(17_000);
  });
});

describe('sessionDerived', () => {
  it('arms the wipe of all keys for 540 s later', () => {
    const { state, peer, deadline } = create();
    sessionDerived(state, peer, 1000);
    expect(deadline(TIMER.ZERO_KEYS)).toBe(541_000);
  });
});

describe('sessionStarted', () => {
  it('arms the end of the session for 180 s after its keys were made', () => {
    const { state, peer, deadline } = create();
    sessionStarted(state, peer, { createdAt: 1000 } as Keypair<Peer>);
    expect(deadline(TIMER.SESSION_EXPIRY)).toBe(181_000);
  });
});

interface Created {
  state: EngineState;
  peer: Peer;
  deadline: (timer: Timer) => number;
  armed: () => Timer[];
}

function create(giveUpMs?: number): Created {
  const timers = new TimerTable();
  timers.allocate();
  const slot = timers.allocate();
  const jitter = { next: (most: number) => (most === 333 ? JITTER : Number.NaN) };
  return {
    state: { timers, jitter, giveUpMs } as unknown as EngineState,
    peer: new Peer(new Uint8Array(32) as PublicKey, 'id', slot, 1),
    deadline: (timer) => timers.deadline(slot, timer),
    armed: () => Object.values(TIMER).filter((timer) => timers.isArmed(slot, timer)),
  };
}

function armedAll(): Created {
  const created = create();
  const { state, peer } = created;
  for (const timer of Object.values(TIMER)) state.timers.arm(peer.slot, timer, 0, 1000);
  return created;
}

function without(timer: Timer): Timer[] {
  return Object.values(TIMER).filter((other) => other !== timer);
}
