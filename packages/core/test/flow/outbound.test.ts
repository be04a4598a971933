import * as fc from 'fast-check';
import {
  connect,
  copyCipherProvider,
  createPair,
  ipPacket,
  packetBetween,
  type Pair,
  type PairOptions,
} from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { stateOf } from '../../src/engine.ts';
import { nobleProvider, type EngineStats } from '../../src/index.ts';
import { keyId } from '../../src/internals.ts';
import { sendKeepalive, sendStaged, wouldInitiate } from '../../src/flow/outbound.ts';
import { StagedPackets } from '../../src/peer/staged-packets.ts';
import { TIMER } from '../../src/peer/timer-table.ts';
import { sentAt, stage, withSession } from './with-session.ts';

describe('sendPackets', () => {
  it('gives the same result for a run as for single packets', () => {
    fc.assert(
      fc.property(fc.array(step(), { maxLength: 6 }), limits(), (steps, options) => {
        const [one, run] = [createPair(options), createPair(options)];
        for (const pair of [one, run]) if (options.connected) connect(pair);
        for (const { length, last, count, wait, ecn } of steps) {
          for (const pair of [one, run]) pair.network.drive(wait);
          const lengths = [...Array.from<number>({ length: count - 1 }).fill(length), last];
          const packets = lengths.map((each) =>
            packetBetween(one.alice, one.bob, { length: each, ecn }),
          );
          for (const packet of packets) one.alice.send(packet);
          run.alice.sendRun(packets);
          expect(run.alice.engine.pollTimeout()).toBe(one.alice.engine.pollTimeout());
        }
        expect(inside(run)).toEqual(inside(one));
      }),
      { numRuns: RUNS },
    );
  });

  it('does the bookkeeping for many runs to one peer once, at the end of the batch', () => {
    const { network, alice, bob } = connected();
    const { engine } = alice;
    const peer = stateOf(engine).peers.get(keyId(bob.person.publicKey))!;
    const before = { sent: peer.sentBytes, messages: engine.stats.sentMessages };
    for (const length of [100, 1000, 60])
      engine.handlePackets(alone(alice, bob, length), network.now);
    expect(peer.sentBytes).toBe(before.sent);
    engine.finishBatch(network.now);
    expect(engine.stats.sentMessages).toBe(before.messages + 3);
    expect(peer.sentBytes).toBe(before.sent + 112 + 32 + 1008 + 32 + 64 + 32);
    engine.finishBatch(network.now);
    expect(engine.stats.sentMessages).toBe(before.messages + 3);
  });

  it.each<[string, (pair: Pair) => void]>([
    [
      'handleDatagram',
      ({ alice, bob, network }) => {
        alice.engine.handleDatagram(new Uint8Array(1), bob.endpoint, network.now);
      },
    ],
    [
      'openDatagram',
      ({ alice, bob, network }) => {
        alice.engine.openDatagram(new Uint8Array(1), 0, 1, bob.endpoint, 0, network.now);
      },
    ],
    ['handleTimeout', ({ alice, network }) => alice.engine.handleTimeout(network.now)],
    ['configure', ({ alice, network }) => alice.engine.configure({}, network.now)],
    ['linkUp', ({ alice, network }) => alice.engine.linkUp(network.now)],
    ['linkDown', ({ alice, network }) => alice.engine.linkDown(network.now)],
    [
      'connect',
      ({ alice, bob, network }) => {
        alice.engine.connect(bob.person.publicKey, network.now);
      },
    ],
  ])('does the bookkeeping of a batch also if %s is called instead of finishBatch', (_, input) => {
    const pair = connected();
    const { engine } = pair.alice;
    const before = engine.stats.sentMessages;
    engine.handlePackets(alone(pair.alice, pair.bob, 100), pair.network.now);
    input(pair);
    expect(engine.stats.sentMessages).toBe(before + 1);
  });

  it('queues the messages of a run as one transmit', () => {
    const { network, alice, bob } = connected();
    network.eavesdropper.forget();
    const packets = [500, 500, 500, 60].map((length) => packetBetween(alice, bob, { length }));
    const seen: number[] = [];
    const { engine } = alice;
    const poll = engine.pollTransmit.bind(engine);
    engine.pollTransmit = () => {
      const transmit = poll();
      if (transmit) seen.push(transmit.count, transmit.length, transmit.lastLength);
      return transmit;
    };
    alice.sendRun(packets);
    expect(seen).toEqual([4, 512 + 32, 64 + 32]);
    network.settle();
    expect(bob.packets.slice(-4)).toEqual(packets);
  });

  it('seals what the session still allows and stages the rest of the run', () => {
    const { network, alice, bob } = connected({ alice: { limits: { rejectAfterMessages: 5 } } });
    const sent = alice.engine.stats.sentMessages;
    network.eavesdropper.forget();
    const packets = Array.from({ length: 8 }, (_, i) =>
      packetBetween(alice, bob, { length: 100, payload: Uint8Array.of(i) }),
    );
    network.now += 6000;
    alice.sendRun(packets);
    expect(network.eavesdropper.of(4, alice)).toHaveLength(5 - sent);
    expect(network.eavesdropper.of(1, alice)).toHaveLength(1);
    network.settle();
    expect(bob.packets.slice(-8)).toEqual(packets);
  });

  it('answers each packet of a run that has no peer with an ICMP message, and counts all packets', () => {
    const { alice, bob } = connected();
    const nobody = Uint8Array.of(10, 9, 9, 9);
    const packets = [100, 100, 80].map((length) =>
      ipPacket({ source: alice.person.ipv4, destination: nobody, length }),
    );
    expect(alice.sendRun(packets)).toBe('no-peer');
    expect(alice.engine.stats.drops.count('no-peer')).toBe(3);
    expect(alice.engine.stats.createdUnreachables).toBe(3);
    expect(alice.packets.map((packet) => packet.subarray(28, 48))).toEqual(
      packets.map((packet) => packet.subarray(0, 20)),
    );
    expect(bob.packets).toHaveLength(1);
  });
});

describe('a run to a peer without an endpoint', () => {
  it('asks once per run for a look-up of the name, if the limit allows an ICMP message', () => {
    const { state, peer, alice, bob } = withSession();
    peer.endpoint = undefined;
    const packet = packetBetween(alice, bob);
    expect(alice.sendRun([packet])).toBe('no-endpoint');
    expect(alice.eventsOf('unanswered')).toEqual([]);
    peer.endpointName = 'vpn.example:1';
    expect(alice.sendRun([packet, packet])).toBe('no-endpoint');
    const event = { type: 'unanswered', peer: peer.publicKey, endpoint: undefined };
    expect(alice.eventsOf('unanswered')).toMatchObject([event]);
    state.unreachableLimit.take = () => false;
    expect(alice.sendRun([packet])).toBe('no-endpoint');
    expect(alice.eventsOf('unanswered')).toHaveLength(1);
  });
});

describe('sendStaged', () => {
  it('sends staged packets in order, before new packets, and expects an answer', () => {
    const { state, peer, alice, bob, network, now, isArmed } = withSession();
    peer.staged ??= new StagedPackets();
    for (const length of [100, 200]) {
      peer.staged.push(packetBetween(alice, bob, { length }), 0, length);
    }
    const { sentMessages } = state.stats;
    alice.engine.handlePackets(alone(alice, bob, 300), now);
    alice.engine.finishBatch(now);
    expect(state.stats.sentMessages).toBe(sentMessages + 3);
    expect(isArmed(TIMER.NEW_HANDSHAKE)).toBe(true);
    expect(lengthsOf(alice)).toEqual([112 + 32, 208 + 32, 304 + 32]);
    expect(network.eavesdropper.of(1, alice)).toHaveLength(1);
  });

  it('does nothing if no packet is staged', () => {
    const { state, peer, now, isArmed, arm } = withSession();
    const { sentMessages } = state.stats;
    arm(TIMER.KEEPALIVE, 1000);
    peer.staged = undefined;
    sendStaged(state, peer, now);
    peer.staged = new StagedPackets();
    sendStaged(state, peer, now);
    expect([isArmed(TIMER.KEEPALIVE), isArmed(TIMER.NEW_HANDSHAKE)]).toEqual([true, false]);
    expect(state.stats.sentMessages).toBe(sentMessages);
  });

  it('reports the end of a session that can no longer send, and starts a handshake', () => {
    const { state, peer, now, types, events } = withSession();
    sentAt(peer, -Infinity);
    stage(peer, 1);
    peer.keypairs.current!.canSend = false;
    sendStaged(state, peer, now);
    expect(types()).toEqual([1]);
    expect(peer.staged!.length).toBe(1);
    expect(events()).toEqual([{ type: 'session', peer: peer.publicKey, state: 'expired' }]);
  });

  it('sends nothing to a peer without an endpoint', () => {
    const { state, peer, now, types } = withSession();
    stage(peer, 1);
    peer.endpoint = undefined;
    sendStaged(state, peer, now);
    expect(types()).toEqual([]);
  });
});

describe('sendKeepalive', () => {
  it('sends an empty message, and counts it', () => {
    const { state, peer, now, alice } = withSession();
    const { sentKeepalives, sentMessages, sentBytes } = state.stats;
    const before = peer.sentBytes;
    sendKeepalive(state, peer, now);
    expect(lengthsOf(alice)).toEqual([32]);
    expect(state.stats.sentKeepalives).toBe(sentKeepalives + 1);
    expect(state.stats.sentMessages).toBe(sentMessages + 1);
    expect(state.stats.sentBytes).toBe(sentBytes + 32);
    expect(peer.sentBytes).toBe(before + 32);
  });

  it('sends the staged packets instead, if there are any', () => {
    const { state, peer, now, types } = withSession();
    stage(peer, 2);
    const { sentKeepalives } = state.stats;
    sendKeepalive(state, peer, now);
    expect([types(), state.stats.sentKeepalives]).toEqual([[4, 4], sentKeepalives]);
  });

  it('sends nothing while the link is down, and no second initiation during an attempt', () => {
    const { state, peer, now, types, arm } = withSession();
    state.up = false;
    sendKeepalive(state, peer, now);
    expect(types()).toEqual([]);
    state.up = true;
    peer.keypairs.clear(state.indices);
    sentAt(peer, -Infinity);
    arm(TIMER.RETRANSMIT, 1000);
    sendKeepalive(state, peer, now);
    expect(types()).toEqual([]);
    state.timers.clear(peer.slot, TIMER.RETRANSMIT);
    sendKeepalive(state, peer, now);
    expect(types()).toEqual([1]);
  });

  it('starts no handshake if the peer has a session but no endpoint', () => {
    const { state, peer, now, types } = withSession();
    peer.endpoint = undefined;
    sendKeepalive(state, peer, now);
    expect(types()).toEqual([]);
  });
});

describe('wouldInitiate', () => {
  it('is true only if there is no session, no attempt and no staged packet', () => {
    const { state, peer, now, arm } = withSession();
    expect(wouldInitiate(state, peer, now)).toBe(false);
    peer.keypairs.clear(state.indices);
    expect(wouldInitiate(state, peer, now)).toBe(true);
    stage(peer, 0);
    expect(wouldInitiate(state, peer, now)).toBe(true);
    arm(TIMER.RETRANSMIT, 1000);
    expect(wouldInitiate(state, peer, now)).toBe(false);
    state.timers.clear(peer.slot, TIMER.RETRANSMIT);
    stage(peer, 1);
    expect(wouldInitiate(state, peer, now)).toBe(false);
  });
});

describe('renewal of the keys', () => {
  it.each([
    [119_999, []],
    [120_000, [1]],
  ])('begins when a session that we initiated is 120 s old: after %i ms', (age, expected) => {
    const { state, peer, types } = withSession();
    sendKeepalive(state, peer, peer.keypairs.current!.createdAt + age);
    expect(types().filter((type) => type === 1)).toEqual(expected);
    Object.defineProperty(peer.keypairs.current, 'isInitiator', { value: false });
    sentAt(peer, -Infinity);
    state.timers.clearAll(peer.slot);
    sendKeepalive(state, peer, peer.keypairs.current!.createdAt + age);
    expect(types().filter((type) => type === 1)).toEqual(expected);
  });

  it('begins after the message whose counter is the limit', () => {
    const { state, peer, now, types } = withSession({
      alice: { limits: { rekeyAfterMessages: 9 } },
    });
    sentAt(peer, -Infinity);
    peer.keypairs.current!.sendCounter = 8;
    sendKeepalive(state, peer, now);
    expect(types()).toEqual([4]);
    sendKeepalive(state, peer, now);
    expect(types()).toEqual([4, 4, 1]);
  });
});

/** Returns the lengths of the datagrams that were queued since the last call. */
function lengthsOf({ engine }: Pair['alice']): number[] {
  const lengths = [];
  for (let t = engine.pollTransmit(); t; t = engine.pollTransmit()) lengths.push(t.lastLength);
  return lengths;
}

/**
 * A pause and a run. The pauses are short, so that no key becomes old enough to be renewed in the
 * middle of a run.
 */
interface Step {
  length: number;
  last: number;
  count: number;
  wait: number;
  ecn: number;
}

function step(): fc.Arbitrary<Step> {
  return fc
    .record({
      length: fc.oneof(fc.integer({ min: 20, max: 1500 }), fc.constant(65_476)),
      shorter: fc.integer({ min: 0, max: 1500 }),
      count: fc.integer({ min: 1, max: 140 }),
      wait: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 9_000 })),
      ecn: fc.integer({ min: 0, max: 3 }),
    })
    .map(({ length, shorter, count, wait, ecn }) => {
      const few = length > 1500 ? 1 : count;
      const last = few === 1 ? length : Math.max(20, length - shorter);
      return { length, last, count: few, wait, ecn };
    });
}

function limits(): fc.Arbitrary<PairOptions & { connected: boolean }> {
  return fc.record({
    connected: fc.boolean(),
    bob: fc.constant({ crypto: QUICK }),
    alice: fc.record({
      crypto: fc.constant(QUICK),
      mtu: fc.constantFrom(1280, 1420, 1500),
      limits: fc.record({
        rejectAfterMessages: fc.constantFrom(50, 200, 2 ** 52),
      }),
    }),
  });
}

/** Returns everything that must be the same for a run and for single packets. */
function inside({ network, alice, bob }: Pair): unknown {
  const { drops, ...counts }: EngineStats = alice.engine.stats;
  return {
    wire: network.eavesdropper.datagrams.map(({ bytes, tos, to }) => [hex(bytes), tos, to.port]),
    counts,
    drops: drops.toJSON(),
    peers: alice.engine.peers(),
    events: alice.events,
    icmp: alice.packets.map(hex),
    received: bob.packets.map(hex),
  };
}

function alone(
  from: Pair['alice'],
  to: Pair['bob'],
  length: number,
): Parameters<Pair['alice']['engine']['handlePackets']>[0] {
  const buffer = new Uint8Array(length + 64);
  buffer.set(packetBetween(from, to, { length }), 16);
  return { buffer, offset: 16, stride: 0, length, lastLength: length, count: 1 };
}

function connected(options: PairOptions = {}): Pair {
  const pair = createPair(options);
  connect(pair);
  return pair;
}

const QUICK = copyCipherProvider(nobleProvider);
const RUNS = Math.min(1000, Number(process.env['FC_NUM_RUNS'] ?? 12));

/** Returns one string, because it takes long to compare arrays byte by byte. */
function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
