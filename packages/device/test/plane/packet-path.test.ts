import { Engine, nobleProvider, type Endpoint, type EngineEvent } from '@litz/core';
import { copyCipherProvider, ipPacket, seededRandomBytes, type Person } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { PacketPath } from '../../src/plane/packet-path.ts';
import { PacketMemory } from '../../src/plane/packet-memory.ts';
import { FakeSockets, FakeTun } from './fake-io.ts';
import { ALICE, BOB } from '../in-memory.ts';
import { SteadyTun, SteadyWire } from './steady-io.ts';

describe('PacketPath', () => {
  describe('readTun', () => {
    it('sends a batch with one flush, in order', () => {
      const { alice, bob } = connected();
      const packets = range(64).map((i) => packet(ALICE, BOB, { payload: [i], length: 100 + i }));
      alice.tun.incoming.push(...packets);
      expect(alice.path.readTun(1000)).toBe(true);
      expect(alice.sockets.flushes.splice(0)).toEqual([64]);
      carry(alice, bob);
      expect(bob.tun.written).toEqual(packets);
    });

    it('sends a packet before the next read when the last batch had one packet', () => {
      const { alice, bob } = connected();
      const packets = range(4).map((i) => packet(ALICE, BOB, { payload: [i] }));
      alice.tun.incoming.push(packets[0]);
      alice.path.readTun(1000);
      alice.sockets.flushes.length = 0;
      alice.tun.incoming.push(...packets.slice(1));
      alice.path.readTun(1000);
      expect(alice.sockets.flushes.splice(0)).toEqual([1, 2]);
      alice.tun.incoming.push(...packets);
      alice.path.readTun(1000);
      expect(alice.sockets.flushes).toEqual([4]);
      carry(alice, bob);
      expect(bob.tun.written).toEqual([...packets, ...packets]);
    });

    it('stops after a batch, so that the other direction gets its turn', () => {
      const { alice } = connected();
      alice.tun.incoming.push(...range(100).map(() => packet(ALICE, BOB)));
      expect(alice.path.readTun(1000)).toBe(true);
      expect(alice.tun.incoming).toHaveLength(36);
      expect(alice.path.readTun(1000)).toBe(false);
      expect(alice.tun.incoming).toHaveLength(0);
    });

    it('stops after a few large packets, so that the other direction gets its turn', () => {
      const { alice, bob } = connected();
      const packets = range(20).map((i) => packet(ALICE, BOB, { payload: [i], length: 65_000 }));
      alice.tun.incoming.push(...packets);
      expect(alice.path.readTun(1000)).toBe(true);
      expect(alice.sockets.sent).toHaveLength(3);
      while (alice.path.readTun(1000));
      const sent = alice.sockets.sent.splice(0);
      expect(sent).toHaveLength(20);
      // The slots of the fake sockets are too small for these datagrams, so the test opens them
      // itself.
      for (const [i, { bytes }] of sent.entries()) {
        bob.engine.handleDatagram(bytes, alice.endpoint, 1000);
        const { packet: received } = bob.engine.pollPacket()!;
        expect(Buffer.compare(received, packets[i] ?? received.subarray(1))).toBe(0);
      }
    });

    it('sends an initiation before its bytes are used again', () => {
      const alice = node(ALICE, BOB);
      alice.tun.incoming.push(...range(3).map((i) => packet(ALICE, BOB, { payload: [i] })));
      expect(alice.path.readTun(0)).toBe(false);
      expect(alice.sockets.sent.map(({ bytes, tos }) => [bytes[0], tos])).toEqual([[1, 0x88]]);
    });

    it('writes an ICMP answer of the engine back to the TUN', () => {
      const alice = node(ALICE, BOB);
      const lost = ipPacket({ source: ALICE.ipv4, destination: [10, 9, 9, 9] });
      alice.tun.incoming.push(lost);
      alice.path.readTun(0);
      const [answer] = alice.tun.written;
      expect(answer?.subarray(16, 20)).toEqual(ALICE.ipv4);
      expect([answer?.[20], answer?.[21]]).toEqual([3, 1]);
      expect(alice.tun.headers).toEqual([new Uint8Array(10)]);
    });

    it.each([
      ['a super-packet', [0, 1, 0, 0, 0, 0, 0, 0, 0, 0]],
      ['a packet whose checksum Litz would have to complete', [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
    ])('refuses %s from a TUN without offloads', (_, header) => {
      const { alice } = connected();
      alice.tun.vnetHeader = Uint8Array.from(header);
      alice.tun.incoming.push(packet(ALICE, BOB));
      alice.path.readTun(1000);
      expect(alice.sockets.sent).toEqual([]);
      expect(alice.engine.stats.drops.toJSON()).toEqual({ 'tun-malformed': 1 });
    });

    it('accepts a packet whose checksum is known to be right', () => {
      const { alice } = connected();
      alice.tun.vnetHeader = Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0, 0);
      alice.tun.incoming.push(packet(ALICE, BOB));
      alice.path.readTun(1000);
      expect(alice.sockets.sent).toHaveLength(1);
    });

    it('counts a read that returns only a vnet header', () => {
      const { alice } = connected();
      alice.tun.incoming.push(new Uint8Array(0), packet(ALICE, BOB));
      const { readPackets } = alice.path;
      alice.path.readTun(1000);
      expect(alice.path.readPackets).toBe(readPackets + 2);
      expect(alice.engine.stats.drops.toJSON()).toEqual({ 'tun-malformed': 1 });
      expect(alice.sockets.sent).toHaveLength(1);
    });

    it.each([-22, -12, -5, -14])('counts a read that fails with %d, and reads on', (errno) => {
      const { alice } = connected();
      alice.tun.readFails.push(...range(7).map(() => errno));
      alice.tun.incoming.push(packet(ALICE, BOB));
      expect(alice.path.readTun(1000)).toBe(false);
      expect(alice.engine.stats.drops.toJSON()).toEqual({ 'tun-malformed': 7 });
      expect(alice.sockets.sent).toHaveLength(1);
      expect(alice.path.isTunGone).toBe(false);
      expect(alice.path.tunPausedUntil).toBe(Infinity);
    });

    it('pauses reading when every read of the TUN fails', () => {
      const { alice } = connected();
      alice.tun.readFails.push(...range(12).map(() => -5));
      alice.tun.incoming.push(packet(ALICE, BOB));
      expect(alice.path.readTun(1000)).toBe(false);
      expect(alice.tun.readFails).toHaveLength(4);
      expect(alice.path.tunPausedUntil).toBe(1010);
      // A turn of the loop during the pause does not read the TUN either.
      alice.path.step(1005);
      expect(alice.tun.readFails).toHaveLength(4);
      expect(alice.path.readTun(1010)).toBe(false);
      expect(alice.path.tunPausedUntil).toBe(Infinity);
      expect(alice.sockets.sent).toHaveLength(1);
      expect(alice.engine.stats.drops.toJSON()).toEqual({ 'tun-malformed': 12 });
    });

    it('reports when the TUN is gone', () => {
      const { alice } = connected();
      alice.tun.isGone = true;
      expect(alice.path.isTunGone).toBe(false);
      expect(alice.path.readTun(1000)).toBe(false);
      expect(alice.path.isTunGone).toBe(true);
    });
  });

  describe('receive', () => {
    it('writes packets to the TUN in order, each with a vnet header of zeros', () => {
      const { alice, bob } = connected();
      const packets = range(10).map((i) => packet(ALICE, BOB, { payload: [i] }));
      alice.tun.incoming.push(...packets);
      alice.path.readTun(1000);
      carry(alice, bob);
      expect(bob.tun.written).toEqual(packets);
      expect(bob.tun.headers).toEqual(packets.map(() => new Uint8Array(10)));
    });

    it('answers a handshake at once, and sends the staged packets in order', () => {
      const alice = node(ALICE, BOB);
      const bob = node(BOB, ALICE);
      const packets = range(3).map((i) => packet(ALICE, BOB, { payload: [i] }));
      alice.tun.incoming.push(...packets);
      alice.path.readTun(0);
      carry(alice, bob);
      carry(bob, alice);
      carry(alice, bob);
      expect(bob.tun.written).toEqual(packets);
      expect(alice.events.map(({ type }) => type)).toEqual(['handshake', 'session']);
    });

    it.each([
      ['is full', 0],
      ['has no memory', -105],
      ['is down', -5],
    ])(
      'counts a packet as dropped when the TUN refuses it because the TUN %s, and continues',
      (_, result) => {
        const { alice, bob } = connected();
        alice.tun.incoming.push(packet(ALICE, BOB));
        alice.path.readTun(1000);
        bob.tun.writeFails = result;
        carry(alice, bob);
        expect(bob.engine.stats.drops.toJSON()).toEqual({ 'tun-write-failed': 1 });
        bob.tun.writeFails = undefined;
        alice.tun.incoming.push(packet(ALICE, BOB));
        alice.path.readTun(1000);
        carry(alice, bob);
        expect(bob.tun.written).toHaveLength(1);
      },
    );

    it('counts datagrams that were truncated', () => {
      const { bob } = connected();
      bob.sockets.counters.receiveDroppedTruncated = 3;
      bob.path.receive(1000);
      bob.path.receive(1000);
      expect(bob.engine.stats.drops.toJSON()).toEqual({ 'receive-truncated': 3 });
      const fresh = new FakeSockets();
      fresh.counters.receiveDroppedTruncated = 1;
      bob.path.sockets = fresh;
      bob.path.receive(1000);
      expect(bob.engine.stats.drops.toJSON()).toEqual({ 'receive-truncated': 4 });
    });

    it('reads sockets that are not polled until they are empty, a few batches at a time', () => {
      const { bob } = connected();
      bob.sockets.incoming.push(...range(10).map(() => new Uint8Array(4)));
      bob.sockets.batch = 2;
      expect(bob.path.receive(1000)).toBe(true);
      expect(bob.sockets.incoming).toHaveLength(2);
      expect(bob.path.receive(1000)).toBe(false);
    });

    it('stops reading polled sockets after a batch with few datagrams', () => {
      const { bob } = connected();
      const polled = new FakeSockets({ fds: [7] });
      polled.batch = 2;
      bob.path.sockets = polled;
      polled.incoming.push(...range(10).map(() => new Uint8Array(4)));
      expect(bob.path.receive(1000)).toBe(false);
      expect(polled.incoming).toHaveLength(8);
    });

    it('does nothing without sockets', () => {
      const { bob } = connected();
      bob.path.sockets = undefined;
      expect(bob.path.receive(1000)).toBe(false);
    });
  });

  // Mutation tests add counters to the code, and these allocate.
  it.skipIf(process.env['LITZ_MUTATION_TESTS'])(
    'allocates nothing per packet in either direction',
    () => {
      const { run, tun } = steadyPair();
      run(100_000);
      // A garbage collection in between changes one difference, so the median of seven is used.
      const grown = range(7).map(() => {
        const before = process.memoryUsage().heapUsed;
        run(50_000);
        return process.memoryUsage().heapUsed - before;
      });
      grown.sort((a, b) => a - b);
      // If each packet allocated only one object of the smallest size, 16 bytes, the median would
      // be 800 kB.
      expect(Math.abs(grown[3] ?? Infinity)).toBeLessThan(300_000);
      expect(tun.written).toBe(450_000);
    },
  );

  it('handles a deadline when it is due, and not before', () => {
    const { alice } = connected();
    const due = alice.engine.pollTimeout();
    alice.path.handleTimeout(due - 0.001);
    expect(alice.engine.pollTimeout()).toBe(due);
    alice.path.handleTimeout(due);
    expect(alice.engine.pollTimeout()).toBeGreaterThan(due);
  });
});

interface Node {
  readonly path: PacketPath;
  readonly engine: Engine;
  readonly tun: FakeTun;
  readonly sockets: FakeSockets;
  readonly events: EngineEvent[];
  readonly endpoint: Endpoint;
}

/** Makes a node that has the other person as a peer, with an endpoint. */
function node(person: Person, other: Person): Node {
  const engine = new Engine({
    randomBytes: seededRandomBytes(person.number),
    unixTime: () => 1_700_000_000_000,
    crypto: copyCipherProvider(nobleProvider),
  });
  const { publicKey, endpoint } = other;
  const allowedIps = [{ address: other.ipv4, prefixLength: 32 }];
  const { privateKey } = person;
  engine.configure({ privateKey, peers: [{ publicKey, endpoint, allowedIps }] }, 0);
  const tun = new FakeTun();
  const sockets = new FakeSockets();
  const events: EngineEvent[] = [];
  const memory = new PacketMemory();
  const path = new PacketPath({ engine, tun, memory, onEvent: (event) => events.push(event) });
  path.sockets = sockets;
  return { path, engine, tun, sockets, events, endpoint: person.endpoint };
}

/** Makes two nodes with a session. Nothing is in flight, and nothing was written. */
function connected(): { alice: Node; bob: Node } {
  const alice = node(ALICE, BOB);
  const bob = node(BOB, ALICE);
  alice.engine.connect(BOB.publicKey, 0);
  alice.path.drain();
  carry(alice, bob);
  carry(bob, alice);
  carry(alice, bob);
  for (const { tun, sockets } of [alice, bob]) {
    tun.written.length = 0;
    sockets.sent.length = 0;
    sockets.flushes.length = 0;
  }
  return { alice, bob };
}

/**
 * Makes two nodes with a session, whose TUNs and sockets allocate nothing. `run` carries packets
 * from one to the other.
 */
function steadyPair(): { run: (packets: number) => void; tun: SteadyTun } {
  const { alice, bob } = connected();
  const out = new SteadyTun(packet(ALICE, BOB, { length: 1420 }));
  const tun = new SteadyTun(new Uint8Array(0));
  const here = new SteadyWire(BOB.endpoint);
  const there = new SteadyWire(ALICE.endpoint);
  here.other = there;
  there.other = here;
  const paths = [
    { engine: alice.engine, tun: out, sockets: here },
    { engine: bob.engine, tun, sockets: there },
  ].map(({ engine, tun, sockets }) => {
    const path = new PacketPath({ engine, tun, memory: new PacketMemory(), onEvent: () => {} });
    path.sockets = sockets;
    return path;
  });
  // The real clock returns fractions too. V8 may allocate an object for a fraction, but not for a
  // small integer.
  let now = 1000.25;
  const run = (packets: number): void => {
    out.left = packets;
    while (out.left > 0) {
      now += 0.001;
      for (const path of paths) path.step(now);
    }
  };
  return { run, tun };
}

/** Delivers to `to` what `from` has sent. */
function carry(from: Node, to: Node): void {
  to.sockets.source = from.endpoint;
  to.sockets.incoming.push(...from.sockets.sent.splice(0).map(({ bytes }) => bytes));
  to.path.receive(1000);
}

function packet(
  from: Person,
  to: Person,
  options: { payload?: number[]; length?: number } = {},
): Uint8Array {
  return ipPacket({ source: from.ipv4, destination: to.ipv4, ...options });
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
