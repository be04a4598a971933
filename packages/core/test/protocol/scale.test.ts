import {
  connect,
  copyCipherProvider,
  createPair,
  createPerson,
  packetBetween,
  type Pair,
} from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { Endpoint, Engine, nobleProvider, type PublicKey } from '../../src/index.ts';

describe('100,000 peers', () => {
  it('are configured without any X25519, and have no deadline', () => {
    let multiplications = 0;
    const crypto = {
      ...copyCipherProvider(nobleProvider),
      dh: (a: Uint8Array, b: Uint8Array) => {
        multiplications++;
        return nobleProvider.dh(a, b);
      },
    };
    const engine = new Engine({
      randomBytes: (out) => void out.fill(1),
      unixTime: () => 0,
      crypto,
    });
    const { privateKey } = createPerson(1);
    engine.configure({ privateKey, peers: manyPeers(100_000) }, 0);
    expect(engine.peers()).toHaveLength(100_000);
    expect(multiplications).toBe(0);
    expect(engine.pollTimeout()).toBe(Infinity);
  });
});

describe('in steady state', () => {
  it('no memory is allocated per packet', () => {
    const crypto = copyCipherProvider(nobleProvider);
    const pair = createPair({ alice: { crypto }, bob: { crypto } });
    connect(pair);
    const send = packetsOneWay(pair);
    send(100_000);
    // A garbage collection during a measurement makes its result smaller, so the median of seven
    // measurements is used.
    const grown = Array.from({ length: 7 }, () => {
      const before = process.memoryUsage().heapUsed;
      send(50_000);
      return process.memoryUsage().heapUsed - before;
    });
    grown.sort((a, b) => a - b);
    // If each packet allocated one object of the smallest size, 16 bytes, the heap would grow by
    // 800 kB.
    expect(grown[3]).toBeLessThan(400_000);
    expect(grown[3]).toBeGreaterThan(-400_000);
    expect(pair.bob.engine.stats.receivedMessages).toBe(450_001);
  });

  it('objects and buffers are reused', () => {
    const crypto = copyCipherProvider(nobleProvider);
    const pair = createPair({ alice: { crypto }, bob: { crypto } });
    connect(pair);
    const { network, alice, bob } = pair;
    const buffer = new Uint8Array(2048);
    const packet = packetBetween(alice, bob, { length: 1000 });
    const transmits = new Set<unknown>();
    const views = new Set<unknown>();
    for (let i = 0; i < 1000; i++) {
      buffer.set(packet, 16);
      alice.engine.handlePacketAt(buffer, 16, packet.length, network.now);
      const transmit = alice.engine.pollTransmit()!;
      expect(transmit.buffer).toBe(buffer);
      transmits.add(transmit);
      bob.engine.handleDatagramAt(
        transmit.buffer,
        transmit.offset,
        transmit.length,
        alice.endpoint,
        0,
        network.now,
      );
      const view = bob.engine.pollPacket()!;
      expect(view).toMatchObject({ offset: 16, length: packet.length });
      views.add(view);
      expect(alice.engine.pollTransmit()).toBeUndefined();
      expect(bob.engine.pollPacket()).toBeUndefined();
    }
    expect(transmits.size).toBe(1);
    expect(views.size).toBe(1);
  });
});

/** Returns a function that sends packets from alice to bob in place, without the network. */
function packetsOneWay({ network, alice, bob }: Pair): (count: number) => void {
  const packet = packetBetween(alice, bob, { length: 1000 });
  const buffer = new Uint8Array(2048);
  buffer.set(packet, 16);
  const { now } = network;
  return (count) => {
    for (let i = 0; i < count; i++) {
      alice.engine.handlePacketAt(buffer, 16, packet.length, now);
      const sent = alice.engine.pollTransmit()!;
      bob.engine.handleDatagramAt(sent.buffer, sent.offset, sent.length, alice.endpoint, 0, now);
      while (bob.engine.pollPacket());
      bob.engine.pollTimeout();
    }
  };
}

/**
 * Returns peers with an endpoint and an address each. Their keys are arbitrary, because any 32
 * bytes are a public key of X25519.
 */
function manyPeers(count: number): {
  publicKey: PublicKey;
  endpoint: Endpoint;
  allowedIps: { address: Uint8Array; prefixLength: number }[];
}[] {
  return Array.from({ length: count }, (_, i) => {
    const publicKey = new Uint8Array(32) as PublicKey;
    new DataView(publicKey.buffer).setUint32(4, i + 2);
    const address = Uint8Array.of(10, i >> 16, i >> 8, i);
    const endpoint = new Endpoint(Uint8Array.of(192, i >> 16, i >> 8, i), 51820);
    return { publicKey, endpoint, allowedIps: [{ address, prefixLength: 32 }] };
  });
}
