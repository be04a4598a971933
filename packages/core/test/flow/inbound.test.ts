import * as fc from 'fast-check';
import {
  connect,
  copyCipherProvider,
  createPair,
  ipPacket,
  packetBetween,
  type ArrivingDatagram,
  type Pair,
  type PairOptions,
} from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { stateOf } from '../../src/engine.ts';
import { Endpoint, nobleProvider } from '../../src/index.ts';
import { keyId } from '../../src/internals.ts';

describe('receiveDatagram', () => {
  it('does with a batch what it does with its datagrams one by one', () => {
    fc.assert(
      fc.property(fc.array(arrival(), { minLength: 1, maxLength: 40 }), (arrivals) => {
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

  it('does the bookkeeping of many datagrams from one source once, when the batch ends', () => {
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
  ])('is reckoned up by %s too', (_, input) => {
    const pair = connected();
    const { network, bob } = pair;
    const before = bob.engine.stats.receivedMessages;
    const [{ bytes, source }] = datagramsOf(pair, ['data']);
    bob.engine.openDatagram(bytes, 0, bytes.length, source, 0, network.now);
    input(pair);
    expect(bob.engine.stats.receivedMessages).toBe(before + 1);
  });

  it('follows the source of the last message of a batch', () => {
    const pair = connected();
    const { alice, bob } = pair;
    const [first, second] = datagramsOf(pair, ['data', 'data']);
    bob.receiveBatch([{ ...first, source: ELSEWHERE }, second]);
    expect(bob.engine.peer(alice.person.publicKey)?.endpoint).toBe(second.source);
    const [third, fourth] = datagramsOf(pair, ['data', 'data']);
    bob.receiveBatch([third, { ...fourth, source: ELSEWHERE }]);
    expect(bob.engine.peer(alice.person.publicKey)?.endpoint).toBe(ELSEWHERE);
  });

  it.each(['ipv4', 'ipv6'] as const)(
    'drops a source that belongs to nobody or another: %s',
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

/** What alice sends, as bob's socket has it. Nothing of it arrives by itself. */
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
    const packet = packetBetween(alice, bob, { length: 100 });
    packet[3] = 255;
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

/** Everything that may differ, but for the last of several endpoints, which only a batch skips. */
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
