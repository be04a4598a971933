import * as fc from 'fast-check';
import {
  connect,
  createPair,
  createPerson,
  introduce,
  joinNetwork,
  packetBetween,
  type CapturedDatagram,
  type Pair,
} from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import type { Engine } from '../../src/index.ts';
import { nobleProvider, type CryptoProvider } from '../../src/index.ts';
import { stateOf } from '../../src/engine.ts';
import {
  checkState,
  restartSessions,
  restoreState,
  saveState,
  STATE_FORMAT,
} from '../../src/hand-over/hand-over.ts';
import { COUNTER_MARGIN } from '../../src/hand-over/session-codec.ts';
import { MESSAGE_TYPE } from '../../src/internals.ts';
import { successor, takeOver } from './taken-over.ts';

const { HANDSHAKE_INITIATION, TRANSPORT_DATA } = MESSAGE_TYPE;

describe('saveState and restoreState', () => {
  it('continue a session in both directions without a handshake', () => {
    const pair = connected();
    const { network, alice, bob } = pair;
    network.eavesdropper.forget();
    takeOver(alice);
    takeOver(bob);
    exchange(pair);
    expect([alice.packets.length, bob.packets.length]).toEqual([1, 2]);
    expect(network.eavesdropper.of(HANDSHAKE_INITIATION)).toEqual([]);
  });

  it('never use a counter again, and skip fewer than 1024 counters', () => {
    const pair = connected();
    for (let i = 0; i < 5; i++) {
      exchange(pair);
      takeOver(pair.alice);
    }
    exchange(pair);
    const counters = countersOf(pair);
    expect(new Set(counters).size).toBe(counters.length);
    const own = stateOf(pair.alice.engine).peers.values().next().value?.keypairs.current;
    // Alice has sent a packet in each of the 6 exchanges and 1 packet in `connected`.
    expect(own?.sendCounter).toBe(6 + 1 + 5 * COUNTER_MARGIN);
    expect(COUNTER_MARGIN).toBeLessThan(1024);
  });

  it('keep the counters that the replay window has seen', () => {
    const pair = connected();
    const { network, alice, bob } = pair;
    exchange(pair);
    const seen = network.eavesdropper.of(TRANSPORT_DATA, alice).map(({ bytes }) => bytes);
    takeOver(bob);
    for (const bytes of seen) {
      expect(bob.receive(bytes.slice(), alice.endpoint)).toBe('replayed-counter');
    }
  });

  it('continue a handshake whose response is on the way', () => {
    const { network, alice, bob } = createPair();
    alice.send(packetBetween(alice, bob));
    expect(network.eavesdropper.of(HANDSHAKE_INITIATION)).toHaveLength(1);
    takeOver(alice);
    network.settle();
    expect(network.eavesdropper.of(HANDSHAKE_INITIATION)).toHaveLength(1);
    // The packet that waited for the session was handed over, too.
    expect(bob.packets).toEqual([packetBetween(alice, bob)]);
  });

  it('continue an unconfirmed session of a responder', () => {
    const { network, alice, bob } = createPair();
    alice.send(packetBetween(alice, bob));
    network.driveUntil(() => stateOf(bob.engine).indices.size === 1);
    takeOver(bob);
    network.settle();
    expect(bob.packets).toHaveLength(1);
    expect(bob.eventsOf('session').at(-1)).toMatchObject({ state: 'up' });
  });

  it('refuse a replay of an initiation that was answered before the hand-over', () => {
    const { network, alice, bob } = connected();
    const [initiation] = network.eavesdropper.of(HANDSHAKE_INITIATION);
    takeOver(bob);
    network.drive(6000);
    expect(bob.receive(initiation.bytes.slice(), alice.endpoint)).toBe('replayed-initiation');
  });

  it('keep timers, statistics and configuration', () => {
    const pair = connected({ bobAsPeer: { persistentKeepalive: 25 } });
    const { network, alice } = pair;
    exchange(pair);
    alice.send(new Uint8Array(20));
    network.drive(3000);
    const before = facts(alice.engine);
    takeOver(alice);
    expect(facts(alice.engine)).toEqual(before);
  });

  it('keep every counter of the engine', () => {
    const { alice } = connected();
    const { drops: _, ...counters } = stateOf(alice.engine).stats;
    const names = Object.keys(counters) as (keyof typeof counters)[];
    for (const [i, name] of names.entries()) alice.engine.stats[name] = 1000 + i;
    takeOver(alice);
    const { drops: __, ...after } = stateOf(alice.engine).stats;
    expect(after).toEqual(Object.fromEntries(names.map((name, i) => [name, 1000 + i])));
  });

  it('keep the keys of a rotation: our next identity, a next key of the peer, probes', () => {
    const pair = connected();
    const { network, alice, bob } = pair;
    const [next, bobNext] = [createPerson(11), createPerson(12)];
    alice.input((engine, now) =>
      engine.configure(
        {
          nextPrivateKey: next.privateKey,
          peers: [{ publicKey: bob.person.publicKey, nextPublicKey: bobNext.publicKey }],
        },
        now,
      ),
    );
    network.drive(7000);
    const before = facts(alice.engine);
    takeOver(alice);
    expect(facts(alice.engine)).toEqual(before);
    exchange(pair);
    expect(bob.packets).toHaveLength(2);
    bob.input((engine, now) =>
      engine.configure(
        { peers: [{ publicKey: alice.person.publicKey, nextPublicKey: next.publicKey }] },
        now,
      ),
    );
    network.drive(6000);
    expect(alice.eventsOf('handshake').at(-1)?.keys.own).toEqual(next.publicKey);
  });

  it('keep cookies in both directions', () => {
    const { network, alice, bob } = createPair({ bob: { underLoad: { handshakesPerSecond: 1 } } });
    const carol = createPerson(3);
    introduce(bob, carol);
    alice.send(packetBetween(alice, bob));
    network.settle();
    alice.input((engine, now) => engine.linkDown(now));
    alice.input((engine, now) => engine.linkUp(now));
    alice.send(packetBetween(alice, bob));
    network.drive(1);
    takeOver(alice);
    takeOver(bob, { underLoad: { handshakesPerSecond: 1 } });
    network.drive(20_000);
    expect(alice.engine.peers()[0]?.sessionUp).toBe(true);
  });

  it('write the same state again after a state was restored', () => {
    const pair = connected();
    const { alice } = pair;
    exchange(pair);
    const first = saveState(alice.engine, alice.network.now);
    const copy = successor(alice);
    restoreState(copy, first);
    for (const engine of [alice.engine, copy]) {
      for (const { keypairs } of stateOf(engine).peers.values()) keypairs.current!.sendCounter = 7;
    }
    expect(saveState(copy, alice.network.now)).toEqual(saveState(alice.engine, alice.network.now));
  });

  it('leave out a session whose cipher does not give the key back', () => {
    const closed: CryptoProvider = {
      ...nobleProvider,
      createCipher(key) {
        const cipher = nobleProvider.createCipher(key);
        return {
          seal: (...text) => cipher.seal(...text),
          open: (...text) => cipher.open(...text),
          destroy: () => cipher.destroy(),
        };
      },
    };
    const pair = connected({ alice: { crypto: closed } });
    const { alice, bob, network } = pair;
    takeOver(alice, { crypto: closed });
    expect(alice.engine.peers()[0]?.sessionUp).toBe(false);
    // The next handshake begins no earlier than Rekey-Timeout after the last handshake.
    alice.send(packetBetween(alice, bob));
    network.drive(6000);
    expect(bob.packets).toHaveLength(2);
  });

  it('lose no packet when either end is handed over at any time', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 60, size: 'max' }),
        (actions) => {
          const pair = createPair();
          const { network, alice, bob } = pair;
          const sent = [0, 0];
          for (const action of actions) {
            const isUp = [alice, bob].every(({ engine }) => engine.peers()[0]?.sessionUp);
            if (action === 0) sent[0] += send(alice, bob);
            else if (action === 1) sent[1] += send(bob, alice);
            else if (action === 2) takeOver(alice);
            else if (action === 3) takeOver(bob);
            else if (action === 4) network.drive(7);
            else network.drive(40_000);
            // Two handshakes that cross leave two sessions. A message of the older session is lost
            // if the next handshake overtakes the message, also without a hand-over. So while there
            // is no session, a packet must arrive before the next action.
            if (!isUp && action <= 1) network.settle();
          }
          network.drive(20_000);
          expect([bob.packets.length, alice.packets.length]).toEqual(sent);
          const counters = countersOf(pair);
          expect(new Set(counters).size).toBe(counters.length);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('checkState and restoreState', () => {
  it('refuse bytes that were cut off or changed anywhere', () => {
    const { alice } = connected();
    const bytes = saveState(alice.engine, alice.network.now);
    const step = 7;
    for (let at = 0; at < bytes.length; at += step) {
      expect(() => restoreState(successor(alice), bytes.subarray(0, at))).toThrow(RangeError);
      const wrong = bytes.slice();
      wrong[at] ^= 1 << (at % 8);
      expect(() => restoreState(successor(alice), wrong)).toThrow(RangeError);
    }
    checkState(nobleProvider, bytes);
  });

  it('refuse garbage', () => {
    const node = connected().alice;
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300, size: 'max' }), (bytes) => {
        expect(() => restoreState(successor(node), bytes)).toThrow(RangeError);
      }),
    );
  });

  it.each([STATE_FORMAT - 1, STATE_FORMAT + 1])(
    'refuse the format %d, and name it in the error',
    (format) => {
      const { alice } = connected();
      const bytes = saveState(alice.engine, alice.network.now);
      new DataView(bytes.buffer).setFloat64(8, format, true);
      expect(() => checkState(nobleProvider, bytes)).toThrow(
        `the state expected format ${STATE_FORMAT}, got ${format}`,
      );
    },
  );

  it('ask for a look-up of the endpoint name of a peer that has no endpoint', () => {
    const { alice, bob, network } = connected();
    const { publicKey } = createPerson(9);
    const endpointName = 'vpn.example:1';
    const peers = [bob.person.publicKey, publicKey].map((key) => ({
      publicKey: key,
      endpointName,
    }));
    alice.engine.configure({ peers }, network.now);
    const bytes = saveState(alice.engine, network.now);
    const engine = successor(alice);
    restoreState(engine, bytes);
    expect(engine.pollEvent()).toEqual({
      type: 'unanswered',
      peer: publicKey,
      endpointName,
      endpoint: undefined,
    });
    expect(engine.pollEvent()).toBeUndefined();
  });

  it('refuse an engine that has peers', () => {
    const { alice, bob } = connected();
    const bytes = saveState(alice.engine, alice.network.now);
    expect(() => restoreState(bob.engine, bytes)).toThrow('"engine" expected a new engine');
  });
});

describe('restartSessions', () => {
  it('never seals with the old sessions again, and has new sessions at once', () => {
    const pair = connected();
    const { network, alice, bob } = pair;
    const old = takeOver(alice);
    exchange(pair);
    alice.engine = old;
    network.eavesdropper.forget();
    const at = network.now;
    alice.input((engine, now) => restartSessions(engine, now));
    alice.send(packetBetween(alice, bob));
    network.driveUntil(() => bob.packets.length === 3);
    // The initiation, its response and the packet take one latency each.
    expect(network.now - at).toBe(3 * network.latency);
    const indices = network.eavesdropper
      .of(TRANSPORT_DATA, alice)
      .map(({ bytes }) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true));
    const current = stateOf(bob.engine).peers.values().next().value?.keypairs.current;
    expect(new Set(indices)).toEqual(new Set([current?.localIndex]));
  });

  it('uses timestamps that the other process cannot have used', () => {
    const pair = connected();
    const { network, alice, bob } = pair;
    const old = takeOver(alice);
    // The other process, which has the new engine, sends an initiation.
    alice.input((engine, now) => restartSessions(engine, now));
    network.settle();
    alice.engine = old;
    alice.input((engine, now) => restartSessions(engine, now));
    network.settle();
    expect(bob.engine.stats.drops.count('replayed-initiation')).toBe(0);
    expect(alice.engine.peers()[0]?.sessionUp).toBe(true);
  });

  it.each([-3_600_000, 0])(
    'sends no initiation that is refused, 200 s after the hand-over and with a clock that jumped by %d ms',
    (jump) => {
      const { network, alice, bob } = connected();
      const old = takeOver(alice);
      network.drive(200_000);
      alice.input((engine, now) => restartSessions(engine, now));
      network.settle();
      alice.engine = old;
      alice.clockOffset = jump;
      alice.input((engine, now) => restartSessions(engine, now));
      network.settle();
      expect(bob.engine.stats.drops.count('replayed-initiation')).toBe(0);
      expect(alice.engine.peers()[0]?.sessionUp).toBe(true);
    },
  );

  it('sends no initiation that one of many peers refuses, just after the other process has sent initiations', () => {
    const { network, alice } = createPair();
    const others = Array.from({ length: 70 }, (_, i) => createPerson(i + 3));
    const nodes = others.map((person) => joinNetwork(network, person));
    for (const node of nodes) {
      introduce(alice, node.person);
      introduce(node, alice.person);
      node.send(packetBetween(node, alice));
    }
    network.settle();
    const old = takeOver(alice);
    alice.input((engine, now) => restartSessions(engine, now));
    network.settle();
    alice.engine = old;
    alice.input((engine, now) => restartSessions(engine, now));
    network.settle();
    for (const { engine } of nodes) {
      expect(engine.stats.drops.count('replayed-initiation')).toBe(0);
    }
  });
});

describe('a clock that jumps between two processes', () => {
  it.each([-3_600_000, -1, 3_600_000])('by %d ms: no initiation is refused', (jump) => {
    const { network, alice, bob } = connected();
    for (let i = 0; i < 4; i++) {
      // The clock also jumps back.
      alice.clockOffset = i % 2 === 0 ? jump : 0;
      takeOver(alice);
      const at = network.now;
      network.eavesdropper.forget();
      forgetSessions(alice);
      alice.send(packetBetween(alice, bob));
      network.driveUntil(() => bob.packets.length === 2 + i);
      expect(network.eavesdropper.of(HANDSHAKE_INITIATION, alice)).toHaveLength(1);
      expect(network.now - at).toBeLessThan(100);
      network.drive(6000);
    }
    expect(bob.engine.stats.drops.count('replayed-initiation')).toBe(0);
  });
});

describe('a process that is suspended after it has taken over', () => {
  it.each([200_000, 20_000])('for %d ms: it continues, and uses no counter twice', (ms) => {
    const pair = connected();
    const { network, alice, bob } = pair;
    takeOver(alice);
    exchange(pair);
    const waiting = suspend(alice, ms, () => bob.send(packetBetween(bob, alice)));
    // The datagrams that the kernel has kept for alice come at once, before any timer fires.
    for (const { bytes, from, to } of waiting) network.inject(bytes, from, to);
    alice.send(packetBetween(alice, bob));
    network.driveUntil(() => bob.packets.length === 3, 10_000);
    const [before, sent] = [alice.packets.length, 5];
    for (let i = 0; i < sent; i++) bob.send(packetBetween(bob, alice));
    network.driveUntil(() => alice.packets.length >= before + sent, 10_000);
    const counters = countersOf(pair);
    expect(new Set(counters).size).toBe(counters.length);
    expect(alice.engine.stats.drops.count('replayed-initiation')).toBe(0);
  });
});

/** Sets the link down and up, which ends all sessions. */
function forgetSessions(node: Pair['alice']): void {
  node.input((engine, now) => engine.linkDown(now));
  node.input((engine, now) => engine.linkUp(now));
}

/**
 * Lets a node do nothing for `ms` milliseconds, and calls `each` every 4 s. Returns the datagrams
 * that were sent to the node meanwhile.
 */
function suspend(node: Pair['alice'], ms: number, each: () => void): readonly CapturedDatagram[] {
  const { network } = node;
  const begin = network.now;
  network.nodes.splice(network.nodes.indexOf(node), 1);
  for (let at = 0; at < ms; at += 4000) {
    each();
    network.drive(4000);
  }
  network.nodes.push(node);
  return network.eavesdropper.datagrams.filter(
    ({ at, to }) => at >= begin && to.sameDestination(node.endpoint),
  );
}

function connected(options: Parameters<typeof createPair>[0] = {}): Pair {
  const pair = createPair(options);
  connect(pair);
  return pair;
}

/** Sends one packet each way. */
function exchange({ network, alice, bob }: Pair): void {
  alice.send(packetBetween(alice, bob));
  bob.send(packetBetween(bob, alice));
  network.settle();
}

function send(from: Pair['alice'], to: Pair['alice']): number {
  from.send(packetBetween(from, to));
  return 1;
}

/** Returns everything that a user sees of an engine, and the next deadline. */
function facts(engine: Engine): unknown {
  return {
    peers: engine.peers(),
    stats: JSON.parse(JSON.stringify(engine.stats)) as unknown,
    due: engine.pollTimeout(),
    keys: [engine.publicKey, engine.nextPublicKey, engine.mtu],
  };
}

/** Returns the receiver index and the counter of each transport message, as one text each. */
function countersOf({ network }: Pair): string[] {
  return network.eavesdropper
    .of(TRANSPORT_DATA)
    .map(({ bytes }) => Buffer.from(bytes.subarray(4, 16)).toString('hex'));
}
