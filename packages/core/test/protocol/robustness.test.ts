import { connect, createPair, createPerson, packetBetween } from '@litz/testkit';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DROP_REASONS } from '../../src/index.ts';

const RUNS = Number(process.env['FC_NUM_RUNS'] ?? 300);

describe('network input', () => {
  it('of any bytes never throws and is dropped for a known reason', () => {
    const pair = createPair();
    connect(pair);
    fc.assert(
      fc.property(datagram, fc.nat(255), (bytes, ecn) => {
        const reason = pair.alice.receive(bytes, stranger, ecn);
        expect(DROP_REASONS).toContain(reason);
      }),
      { numRuns: RUNS },
    );
    expect(pair.network.eavesdropper.types(pair.alice)).toEqual([1, 4]);
    expect(pair.alice.engine.peer(pair.bob.person.publicKey)?.sessionUp).toBe(true);
  });

  it('of mutated, repeated and interleaved messages never throws, and the session survives', () => {
    fc.assert(
      fc.property(fc.array(mutation, { maxLength: 60, size: 'max' }), (mutations) => {
        const pair = createPair({ bob: { underLoad: { handshakesPerSecond: 20 } } });
        const { network, alice, bob } = pair;
        connect(pair);
        bob.send(packetBetween(bob, alice));
        network.settle();
        const seen = [...network.eavesdropper.datagrams];
        for (const { pick, to, at, value, cut, wait } of mutations) {
          const original = seen[pick % seen.length]?.bytes ?? new Uint8Array(0);
          const bytes = original.slice(0, cut === 0 ? undefined : original.length - cut);
          if (bytes.length > 0) bytes[at % bytes.length] ^= value;
          (to === 'alice' ? alice : bob).receive(bytes, stranger);
          network.drive(wait);
        }
        const received = bob.packets.length;
        alice.send(packetBetween(alice, bob));
        network.drive(20_000);
        expect(bob.packets.length).toBeGreaterThan(received);
      }),
      { numRuns: Math.ceil(RUNS / 15) },
    );
  });

  it('of thousands of datagrams adds no peer and leaves no output', { timeout: 60_000 }, () => {
    const pair = createPair({ bob: { underLoad: { handshakesPerSecond: 1000 } } });
    connect(pair);
    const { network, alice, bob } = pair;
    const initiation = network.eavesdropper.of(1)[0]?.bytes ?? new Uint8Array(0);
    network.eavesdropper.forget();
    for (let i = 0; i < 5_000; i++) {
      const bytes = i % 2 === 0 ? initiation.slice() : new Uint8Array(32).fill(i);
      if (i % 2 === 1) bytes.set([4, 0, 0, 0]);
      bob.input((engine, now) => engine.handleDatagram(bytes, stranger, now + i));
    }
    network.eavesdropper.forget();
    expect(bob.engine.peers()).toHaveLength(1);
    expect(bob.engine.pollTransmit()).toBeUndefined();
    expect(bob.engine.pollPacket()).toBeUndefined();
    expect(bob.engine.pollEvent()).toBeUndefined();
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect(bob.packets).toHaveLength(2);
  });
});

describe('input from the interface', () => {
  it('of any bytes never throws', () => {
    const pair = createPair();
    connect(pair);
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200, size: 'max' }),
        fc.constantFrom(0x45, 0x60, 0),
        (bytes, first) => {
          if (bytes.length > 0 && first !== 0) bytes[0] = first;
          expect([undefined, ...DROP_REASONS]).toContain(pair.alice.send(bytes));
        },
      ),
      { numRuns: RUNS },
    );
  });
});

const stranger = createPerson(99).endpoint;

/** Arbitrary bytes, often with the start and length of a real message. */
const datagram = fc
  .tuple(
    fc.uint8Array({ maxLength: 400, size: 'max' }),
    fc.nat(5),
    fc.constantFrom(0, 32, 64, 92, 148, 1452),
  )
  .map(([bytes, type, length]) => {
    if (length === 0) return bytes;
    const shaped = new Uint8Array(length);
    shaped.set(bytes.subarray(0, length));
    shaped.set([type, 0, 0, 0]);
    return shaped;
  });

const mutation = fc.record({
  pick: fc.nat(1000),
  to: fc.constantFrom('alice', 'bob'),
  at: fc.nat(1500),
  value: fc.nat(255),
  cut: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(40)),
  wait: fc.constantFrom(0, 0, 0, 15, 1000, 6000),
});
