import * as fc from 'fast-check';
import {
  connect,
  copyCipherProvider,
  createPair,
  createPerson,
  introduce,
  ipPacket,
  joinNetwork,
  packetBetween,
  type ArrivingDatagram,
  type Pair,
  type PairOptions,
} from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { stateOf } from '../../src/engine.ts';
import type { EngineState } from '../../src/engine-state.ts';
import { sendKeepalive } from '../../src/flow/outbound.ts';
import { Endpoint, nobleProvider } from '../../src/index.ts';
import { keyId } from '../../src/internals.ts';
import type { Peer } from '../../src/peer/peer.ts';
import { TIMER } from '../../src/peer/timer-table.ts';

describe('receiveDatagram', () => {
  it('gives the same result for a batch as for single datagrams', () => {
    fc.assert(
      fc.property(fc.array(arrival(), { minLength: 1, maxLength: 40, size: 'max' }), (arrivals) => {
        const [one, batch] = [connected(QUICK), connected(QUICK)];
        for (const { bytes, source, ecn } of datagramsOf(one, arrivals)) {
          one.bob.receive(bytes, source, ecn);
        }
        batch.bob.receiveBatch(datagramsOf(batch, arrivals));
        expect(inside(batch)).toEqual(inside(one));
      }),
      { numRuns: RUNS },
    );
  });

  it('does the bookkeeping for many datagrams of one source once, at the end of the batch', () => {
    const pair = connected();
    const { network, alice, bob } = pair;
    const peer = stateOf(bob.engine).peers.get(keyId(alice.person.publicKey))!;
    const before = peer.receivedBytes;
    const datagrams = datagramsOf(pair, ['data', 'data', 'keepalive']);
    for (const { bytes, source } of datagrams) {
      bob.engine.openDatagram(bytes, 0, bytes.length, source, 0, network.now);
    }
    expect(peer.receivedBytes).toBe(before);
    bob.engine.finishBatch(network.now);
    const bytes = datagrams.reduce((sum, datagram) => sum + datagram.bytes.length, 0);
    expect(peer.receivedBytes).toBe(before + bytes);
    bob.engine.finishBatch(network.now);
    expect(peer.receivedBytes).toBe(before + bytes);
  });

  it.each<[string, (pair: Pair) => void]>([
    [
      'handlePackets',
      ({ alice, bob, network }) => {
        const packet = packetBetween(bob, alice);
        const buffer = new Uint8Array(packet.length + 64);
        buffer.set(packet, 16);
        const { length } = packet;
        const run = { buffer, offset: 16, stride: 0, length, lastLength: length, count: 1 };
        bob.engine.handlePackets(run, network.now);
      },
    ],
    ['handleTimeout', ({ bob, network }) => bob.engine.handleTimeout(network.now)],
    ['configure', ({ bob, network }) => bob.engine.configure({}, network.now)],
    ['linkUp', ({ bob, network }) => bob.engine.linkUp(network.now)],
    ['linkDown', ({ bob, network }) => bob.engine.linkDown(network.now)],
    [
      'connect',
      ({ alice, bob, network }) => {
        bob.engine.connect(alice.person.publicKey, network.now);
      },
    ],
  ])('does the bookkeeping of a batch also if %s is called instead of finishBatch', (_, input) => {
    const pair = connected();
    const { network, bob } = pair;
    const before = bob.engine.stats.receivedMessages;
    const [{ bytes, source }] = datagramsOf(pair, ['data']);
    bob.engine.openDatagram(bytes, 0, bytes.length, source, 0, network.now);
    input(pair);
    expect(bob.engine.stats.receivedMessages).toBe(before + 1);
  });

  it('makes the source of the last message of a batch the endpoint of the peer', () => {
    const pair = connected();
    const { alice, bob } = pair;
    const [first, second] = datagramsOf(pair, ['data', 'data']);
    bob.receiveBatch([{ ...first, source: ELSEWHERE }, second]);
    expect(bob.engine.peer(alice.person.publicKey)?.endpoint).toBe(second.source);
    const [third, fourth] = datagramsOf(pair, ['data', 'data']);
    bob.receiveBatch([third, { ...fourth, source: ELSEWHERE }]);
    expect(bob.engine.peer(alice.person.publicKey)?.endpoint).toBe(ELSEWHERE);
  });

  it('drops short messages with a reason for each length, and counts them for no peer', () => {
    const pair = connected();
    const { network, alice, bob } = pair;
    const [{ bytes, source }] = datagramsOf(pair, ['data']);
    const open = (length: number) =>
      bob.engine.openDatagram(bytes.slice(0, length), 0, length, source, 0, network.now);
    expect([3, 4, 31].map(open)).toEqual(['too-short', 'wrong-length', 'wrong-length']);
    expect(bob.engine.stats.drops.toJSON()).toEqual({ 'too-short': 1, 'wrong-length': 2 });
    expect(bob.engine.peer(alice.person.publicKey)!.drops).toEqual({});
  });

  it('counts a dropped message for the peer to which its index belongs', () => {
    const pair = connected();
    const { network, alice, bob } = pair;
    const kinds = ['data', 'repeated', 'tampered', 'unknown'] as const;
    const opened = datagramsOf(pair, kinds).map(({ bytes, source }) =>
      bob.engine.openDatagram(bytes, 0, bytes.length, source, 0, network.now),
    );
    expect(opened).toEqual([100, 'replayed-counter', 'invalid-tag', 'unknown-index']);
    expect(bob.engine.peer(alice.person.publicKey)!.drops).toEqual({
      'replayed-counter': 1,
      'invalid-tag': 1,
    });
    expect(bob.engine.stats.drops.count('unknown-index')).toBe(1);
  });

  it('counts keepalives, messages and bytes', () => {
    const pair = connected();
    const { network, alice, bob } = pair;
    const { peer } = insideOf(bob, alice);
    const { stats } = bob.engine;
    const { receivedKeepalives, receivedMessages, receivedBytes } = stats;
    const before = peer.receivedBytes;
    const [data] = datagramsOf(pair, ['data']);
    const keepalive = keepaliveOf(pair);
    for (const bytes of [data.bytes, keepalive]) {
      bob.engine.openDatagram(bytes, 0, bytes.length, data.source, 0, network.now);
    }
    bob.engine.finishBatch(network.now);
    const length = data.bytes.length + 32;
    expect(stats.receivedKeepalives).toBe(receivedKeepalives + 1);
    expect(stats.receivedMessages).toBe(receivedMessages + 2);
    expect(stats.receivedBytes).toBe(receivedBytes + length);
    expect(peer.receivedBytes).toBe(before + length);
  });

  it('arms a keepalive after data, but not after a keepalive in the next batch', () => {
    const pair = connected();
    const { network, alice, bob } = pair;
    const { peer, state } = insideOf(bob, alice);
    const [data] = datagramsOf(pair, ['data']);
    const keepalive = keepaliveOf(pair);
    for (const [bytes, owes] of [
      [data.bytes, true],
      [keepalive, false],
    ] as const) {
      state.timers.clearAll(peer.slot);
      bob.engine.openDatagram(bytes, 0, bytes.length, data.source, 0, network.now);
      bob.engine.finishBatch(network.now);
      expect(state.timers.isArmed(peer.slot, TIMER.KEEPALIVE)).toBe(owes);
    }
  });

  it('does the bookkeeping for two peers behind one source separately', () => {
    const pair = connected();
    const { network, alice, bob } = pair;
    const carol = joinNetwork(network, createPerson(3));
    introduce(carol, bob.person);
    introduce(bob, carol.person);
    carol.send(packetBetween(carol, bob));
    network.settle();
    const [alices] = datagramsOf(pair, ['data']);
    carol.send(packetBetween(carol, bob, { length: 60 }));
    const { bytes } = network.eavesdropper.of(4, carol).at(-1)!;
    const peers = [alice, carol].map((node) => insideOf(bob, node).peer);
    const before = peers.map((peer) => peer.receivedBytes);
    for (const each of [alices.bytes, bytes.slice()]) {
      bob.engine.openDatagram(each, 0, each.length, alices.source, 0, network.now);
    }
    bob.engine.finishBatch(network.now);
    expect(peers.map((peer, i) => peer.receivedBytes - before[i])).toEqual([
      alices.bytes.length,
      bytes.length,
    ]);
  });

  it('renews a session that we initiated as soon as it is 165 s old, and only once', () => {
    const { network, alice, bob } = connected();
    const { peer, state } = insideOf(alice, bob);
    const current = peer.keypairs.current!;
    const { sentInitiations } = state.stats;
    const receiveAt = (time: number): number => {
      bob.engine.handlePacket(packetBetween(bob, alice), time);
      const { datagram } = bob.engine.pollTransmit()!;
      network.now = time;
      alice.receive(datagram.slice(), bob.endpoint);
      return state.stats.sentInitiations - sentInitiations;
    };
    const due = current.createdAt + 165_000;
    expect(receiveAt(due - 1)).toBe(0);
    current.canSend = false;
    expect(receiveAt(due)).toBe(0);
    current.canSend = true;
    expect(receiveAt(due)).toBe(1);
    expect(peer.sentLastMinuteHandshake).toBe(true);
    expect(receiveAt(due + 6000)).toBe(1);
    peer.sentLastMinuteHandshake = false;
    expect(receiveAt(due + 6000)).toBe(2);
  });

  it('does not renew a session that the peer initiated, and receives with the previous session', () => {
    const { network, alice, bob } = connected();
    const { peer, state } = insideOf(bob, alice);
    const { keypairs } = peer;
    const time = keypairs.current!.createdAt + 166_000;
    alice.engine.handlePacket(packetBetween(alice, bob), time - 60_000);
    const { datagram } = alice.engine.pollTransmit()!;
    keypairs.previous = keypairs.current;
    keypairs.current = undefined;
    network.now = time;
    const received = bob.packets.length;
    bob.receive(datagram.slice(), alice.endpoint);
    expect(bob.packets).toHaveLength(received + 1);
    keypairs.current = keypairs.previous;
    alice.engine.handlePacket(packetBetween(alice, bob), time - 60_000);
    bob.receive(alice.engine.pollTransmit()!.datagram.slice(), alice.endpoint);
    expect(bob.packets).toHaveLength(received + 2);
    expect(state.stats.sentInitiations).toBe(0);
  });

  it.each(['ipv4', 'ipv6'] as const)(
    'delivers packets from the allowed IPs of the peer: %s',
    (family) => {
      const { network, alice, bob } = connected();
      const packet = ipPacket({ source: alice.person[family], destination: bob.person[family] });
      alice.send(packet);
      network.settle();
      expect(bob.packets.at(-1)).toEqual(packet);
      expect(bob.engine.stats.drops.toJSON()).toEqual({});
    },
  );

  it('drops a packet that is shorter than its header says', () => {
    const pair = connected();
    const { network, alice, bob } = pair;
    const [{ bytes, source }] = datagramsOf(pair, ['malformed']);
    expect(bob.engine.openDatagram(bytes, 0, bytes.length, source, 0, network.now)).toBe(
      'malformed-packet',
    );
    expect(bob.engine.stats.drops.toJSON()).toEqual({ 'malformed-packet': 1 });
    const { drops } = bob.engine.peer(alice.person.publicKey)!;
    expect(drops).toEqual({ 'malformed-packet': 1 });
  });

  it.each(['ipv4', 'ipv6'] as const)(
    'drops a packet from an address of no peer or of another peer: %s',
    (family) => {
      const { network, alice, bob } = connected();
      const spoofed = alice.person[family].slice();
      spoofed[spoofed.length - 1] = 77;
      bob.input((engine, now) => {
        const allowedIps = [{ address: spoofed, prefixLength: spoofed.length * 8 }];
        const publicKey = nobleProvider.dhPublicKey(new Uint8Array(32).fill(9)) as never;
        engine.configure({ peers: [{ publicKey, allowedIps }] }, now);
      });
      const received = bob.packets.length;
      alice.send(ipPacket({ source: spoofed, destination: bob.person[family] }));
      const nobody = spoofed.slice();
      nobody[nobody.length - 1] = 78;
      alice.send(ipPacket({ source: nobody, destination: bob.person[family] }));
      network.settle();
      expect(bob.packets).toHaveLength(received);
      expect(bob.engine.stats.drops.toJSON()).toEqual({ 'disallowed-source': 2 });
      expect(bob.engine.peer(alice.person.publicKey)?.drops).toEqual({ 'disallowed-source': 2 });
    },
  );
});

type Arrival =
  | 'data'
  | 'keepalive'
  | 'elsewhere'
  | 'repeated'
  | 'tampered'
  | 'marked'
  | 'malformed'
  | 'disallowed'
  | 'unknown'
  | 'short'
  | 'garbage';

function arrival(): fc.Arbitrary<Arrival> {
  return fc.constantFrom(
    'data',
    'data',
    'data',
    'keepalive',
    'elsewhere',
    'repeated',
    'tampered',
    'marked',
    'malformed',
    'disallowed',
    'unknown',
    'short',
    'garbage',
  );
}

/**
 * Makes alice send, and returns the datagrams that bob's socket would receive. The network delivers
 * none of them.
 */
function datagramsOf(
  { network, alice, bob }: Pair,
  arrivals: readonly Arrival[],
): ArrivingDatagram[] {
  network.loses = () => true;
  const source = bob.engine.peer(alice.person.publicKey)!.endpoint!;
  let last = new Uint8Array(32);
  return arrivals.map((kind) => {
    alice.send(packetOf(kind, alice, bob));
    const sent = network.eavesdropper.of(4, alice).at(-1)!.bytes.slice();
    const bytes = changed(kind, sent, last);
    if (kind === 'data') last = sent;
    return {
      bytes,
      source: kind === 'elsewhere' ? ELSEWHERE : source,
      ecn: kind === 'marked' ? 3 : 0,
    };
  });
}

function packetOf(kind: Arrival, alice: Pair['alice'], bob: Pair['bob']): Uint8Array {
  if (kind === 'malformed') {
    // The packet and its padding are 112 bytes long, so a length of 113 in the header is wrong.
    const packet = packetBetween(alice, bob, { length: 100 });
    packet[3] = 113;
    return packet;
  }
  if (kind === 'disallowed') {
    return ipPacket({ source: [10, 3, 3, 3], destination: bob.person.ipv4, length: 80 });
  }
  return packetBetween(alice, bob, { length: 100, ecn: kind === 'marked' ? 2 : 0 });
}

function changed(kind: Arrival, sent: Uint8Array, last: Uint8Array): Uint8Array {
  if (kind === 'repeated') return last.slice();
  if (kind === 'short') return sent.slice(0, 20);
  if (kind === 'garbage') return sent.map((byte) => byte ^ 0x5a);
  if (kind === 'tampered') sent[40] ^= 1;
  if (kind === 'unknown') sent[5] ^= 1;
  return sent;
}

/** Returns a keepalive from alice, which the network does not deliver. */
function keepaliveOf({ network, alice, bob }: Pair): Uint8Array {
  const { peer, state } = insideOf(alice, bob);
  sendKeepalive(state, peer, network.now);
  return alice.engine.pollTransmit()!.datagram.slice();
}

function insideOf(node: Pair['alice'], other: Pair['alice']): { state: EngineState; peer: Peer } {
  const state = stateOf(node.engine);
  return { state, peer: state.peers.get(keyId(other.person.publicKey))! };
}

/**
 * Returns everything that must be the same for a batch and for single datagrams. Roam events may
 * differ, because a batch follows only its last source.
 */
function inside({ alice, bob }: Pair): unknown {
  const { drops, ...counts } = bob.engine.stats;
  return {
    counts,
    drops: drops.toJSON(),
    due: bob.engine.pollTimeout(),
    peer: bob.engine.peer(alice.person.publicKey),
    packets: bob.packets,
  };
}

function connected(options: PairOptions = {}): Pair {
  const pair = createPair(options);
  connect(pair);
  return pair;
}

const ELSEWHERE = new Endpoint(Uint8Array.of(198, 51, 100, 7), 4000);
const CRYPTO = copyCipherProvider(nobleProvider);
const QUICK: PairOptions = { alice: { crypto: CRYPTO }, bob: { crypto: CRYPTO } };
const RUNS = Math.min(1000, Number(process.env['FC_NUM_RUNS'] ?? 20));
