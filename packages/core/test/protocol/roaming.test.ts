import {
  connect,
  createPair,
  createPerson,
  introduce,
  joinNetwork,
  packetBetween,
  type Pair,
} from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { Endpoint } from '../../src/index.ts';

describe('roaming', () => {
  it('follows the source of transport messages, and emits an event', () => {
    const { network, alice, bob } = connected();
    const previous = alice.endpoint;
    alice.endpoint = elsewhere;
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect(bob.eventsOf('roam').at(-1)).toMatchObject({ peer: alice.person.publicKey });
    expect(bob.eventsOf('roam').at(-1)?.previous?.sameDestination(previous)).toBe(true);
    bob.send(packetBetween(bob, alice));
    network.settle();
    expect(alice.packets).toHaveLength(1);
  });

  it('follows keepalives as well', () => {
    const { network, alice, bob } = connected();
    bob.send(packetBetween(bob, alice));
    network.settle();
    alice.endpoint = elsewhere;
    network.drive(11_000);
    expect(bob.engine.peer(alice.person.publicKey)?.endpoint?.sameDestination(elsewhere)).toBe(
      true,
    );
  });

  it('follows initiations and responses', () => {
    const { network, alice, bob } = createPair();
    alice.endpoint = elsewhere;
    const bobElsewhere = createPerson(6).endpoint;
    alice.send(packetBetween(alice, bob));
    network.drive(10);
    // The response comes from an address that alice does not know.
    expect(bob.engine.peer(alice.person.publicKey)?.endpoint?.sameDestination(elsewhere)).toBe(
      true,
    );
    const [response] = network.eavesdropper.of(2);
    alice.receive(response?.bytes.slice() ?? new Uint8Array(0), bobElsewhere);
    expect(alice.engine.peer(bob.person.publicKey)?.endpoint).toBe(bobElsewhere);
  });

  it('does not follow messages that are not authentic', () => {
    const { network, alice, bob } = connected();
    const known = bob.engine.peer(alice.person.publicKey)?.endpoint;
    for (const datagram of network.eavesdropper.datagrams) {
      // Each message comes once as it was, which is a replay, and once broken.
      network.inject(datagram.bytes, elsewhere, bob.endpoint);
      const broken = datagram.bytes.slice();
      broken[30] ^= 1;
      network.inject(broken, elsewhere, bob.endpoint);
    }
    network.settle();
    expect(bob.engine.peer(alice.person.publicKey)?.endpoint).toBe(known);
    expect(bob.eventsOf('roam')).toEqual([]);
  });

  it('loses no peer when both sides roam, one shortly after the other', () => {
    const { network, alice, bob } = connected();
    const [oldAlice, oldBob] = [alice.endpoint, bob.endpoint];
    alice.endpoint = elsewhere;
    alice.send(packetBetween(alice, bob));
    network.settle();
    bob.endpoint = createPerson(6).endpoint;
    bob.send(packetBetween(bob, alice));
    network.settle();
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect(bob.packets).toHaveLength(3);
    expect(alice.packets).toHaveLength(1);
    expect([oldAlice, oldBob]).not.toContain(alice.endpoint);
  });

  it('emits no event when only our own address changes', () => {
    const { network, alice, bob } = connected();
    alice.send(packetBetween(alice, bob));
    const datagram = network.eavesdropper.of(4, alice).at(-1);
    const { address, port } = alice.endpoint;
    const source = new Endpoint(address, port, { sourceAddress: Uint8Array.of(192, 0, 2, 99) });
    bob.receive(datagram?.bytes.slice() ?? new Uint8Array(0), source);
    expect(bob.engine.peer(alice.person.publicKey)?.endpoint).toBe(source);
    expect(bob.eventsOf('roam')).toEqual([]);
  });
});

describe('roam events', () => {
  it('are emitted at most once a second, with the latest port, for a peer that sends each datagram from a new port', () => {
    const { network, alice, bob } = connected();
    const first = alice.endpoint;
    for (let port = 1000; port < 3000; port++) {
      roamTo(alice, bob, port);
      network.drive(1);
    }
    expect(bob.engine.peer(alice.person.publicKey)?.endpoint?.port).toBe(2999);
    expect(ports(bob)).toEqual([1000, 1999, 2999]);
    network.drive(5000);
    expect(ports(bob)).toEqual([1000, 1999, 2999]);
    const [told, ...later] = bob.eventsOf('roam');
    expect(told?.previous?.sameDestination(first)).toBe(true);
    expect(later.map(({ previous }) => previous?.port)).toEqual([1000, 1999]);
  });

  it('have a deadline only while a change waits to be reported', () => {
    const { network, alice, bob } = connected();
    network.drive(11_000);
    const { now } = network;
    roamTo(alice, bob, 1000);
    expect(bob.engine.pollTimeout()).toBeGreaterThan(now + 1000);
    roamTo(alice, bob, 1001);
    expect(bob.engine.pollTimeout()).toBe(now + 1000);
    network.drive(1000);
    expect(ports(bob)).toEqual([1000, 1001]);
    expect(bob.engine.pollTimeout()).toBeGreaterThan(now + 2000);
  });

  it('are not emitted for a peer that is back at the reported endpoint', () => {
    const { network, alice, bob } = connected();
    for (const port of [1000, 1001, 1000]) roamTo(alice, bob, port);
    network.drive(5000);
    expect(ports(bob)).toEqual([1000]);
    roamTo(alice, bob, 1001);
    expect(ports(bob)).toEqual([1000, 1001]);
  });

  it('are limited separately for each peer', () => {
    const { network, alice, bob } = connected();
    const carol = joinNetwork(network, createPerson(3));
    introduce(bob, carol.person);
    introduce(carol, bob.person);
    carol.send(packetBetween(carol, bob));
    network.settle();
    for (const port of [1000, 1001]) {
      roamTo(alice, bob, port);
      roamTo(carol, bob, port + 1000);
    }
    expect(ports(bob)).toEqual([1000, 2000]);
    network.drive(1000);
    expect(ports(bob)).toEqual([1000, 2000, 1001, 2001]);
  });

  it.each<[string, (bob: Pair['bob'], alice: Pair['alice']) => void]>([
    [
      'removed',
      (bob, { person: { publicKey } }) =>
        bob.input((engine, now) => engine.configure({ peers: [{ publicKey, remove: true }] }, now)),
    ],
    [
      'given an endpoint',
      (bob, { person: { publicKey } }) =>
        bob.input((engine, now) =>
          engine.configure({ peers: [{ publicKey, endpoint: elsewhere }] }, now),
        ),
    ],
    ['reset because the link goes down', (bob) => bob.input((engine, now) => engine.linkDown(now))],
  ])('are cancelled for a peer that is %s', (_, change) => {
    const { network, alice, bob } = connected();
    for (const port of [1000, 1001]) roamTo(alice, bob, port);
    change(bob, alice);
    network.drive(5000);
    expect(ports(bob)).toEqual([1000]);
  });
});

describe('sticky source', () => {
  it('has the local address on which the peer was last heard', () => {
    const { alice, bob } = connected();
    const { endpoint } = alice.engine.peer(bob.person.publicKey) ?? {};
    expect([...(endpoint?.sourceAddress ?? [])]).toEqual([...alice.endpoint.address]);
    alice.send(packetBetween(alice, bob));
  });

  it('is cleared at a retransmission', () => {
    const { network, alice, bob } = connected();
    network.drive(200_000);
    expect(alice.engine.peer(bob.person.publicKey)?.endpoint?.sourceAddress).toBeDefined();
    network.loses = () => true;
    alice.send(packetBetween(alice, bob));
    expect(network.eavesdropper.datagrams.at(-1)?.to.sourceAddress).toBeDefined();
    network.drive(5_400);
    expect(network.eavesdropper.datagrams.at(-1)?.to.sourceAddress).toBeUndefined();
    expect(network.eavesdropper.datagrams.at(-1)?.to.sameDestination(bob.endpoint)).toBe(true);
  });

  it('is cleared when data had no answer for 15 s', () => {
    const { network, alice, bob } = connected();
    network.drive(20_000);
    network.loses = () => true;
    alice.send(packetBetween(alice, bob));
    network.drive(14_900);
    expect(alice.engine.peer(bob.person.publicKey)?.endpoint?.sourceAddress).toBeDefined();
    network.drive(500);
    expect(alice.engine.peer(bob.person.publicKey)?.endpoint?.sourceAddress).toBeUndefined();
  });
});

const elsewhere = createPerson(5).endpoint;

/** Moves alice to this port. Bob then receives a packet from there, without latency. */
function roamTo(alice: Pair['alice'], bob: Pair['bob'], port: number): void {
  alice.endpoint = new Endpoint(alice.endpoint.address, port);
  const { network } = alice;
  const { latency } = network;
  network.latency = 0;
  alice.send(packetBetween(alice, bob));
  network.settle();
  network.latency = latency;
}

/** Returns the new ports of all roam events that bob has emitted. */
function ports(bob: Pair['bob']): number[] {
  return bob.eventsOf('roam').map(({ endpoint }) => endpoint.port);
}

function connected(): Pair {
  const pair = createPair();
  connect(pair);
  return pair;
}
