import { connect, createPair, createPerson, packetBetween, type Pair } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { Endpoint } from '../../src/index.ts';

describe('roaming', () => {
  it('follows the source of transport messages, and tells', () => {
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
    // The response leaves from an address that alice was not told of.
    expect(bob.engine.peer(alice.person.publicKey)?.endpoint?.sameDestination(elsewhere)).toBe(
      true,
    );
    const [response] = network.eavesdropper.of(2);
    alice.receive(response?.bytes.slice() ?? new Uint8Array(0), bobElsewhere);
    expect(alice.engine.peer(bob.person.publicKey)?.endpoint).toBe(bobElsewhere);
  });

  it('does not follow what does not authenticate', () => {
    const { network, alice, bob } = connected();
    const known = bob.engine.peer(alice.person.publicKey)?.endpoint;
    for (const datagram of network.eavesdropper.datagrams) {
      // Replayed, and broken.
      network.inject(datagram.bytes, elsewhere, bob.endpoint);
      const broken = datagram.bytes.slice();
      broken[30] ^= 1;
      network.inject(broken, elsewhere, bob.endpoint);
    }
    network.settle();
    expect(bob.engine.peer(alice.person.publicKey)?.endpoint).toBe(known);
    expect(bob.eventsOf('roam')).toEqual([]);
  });

  it('of both ends at once loses nobody', () => {
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

  it('says nothing when only the address that we are reached at changes', () => {
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

describe('sticky source', () => {
  it('is kept while the peer answers', () => {
    const { alice, bob } = connected();
    const { endpoint } = alice.engine.peer(bob.person.publicKey) ?? {};
    expect([...(endpoint?.sourceAddress ?? [])]).toEqual([...alice.endpoint.address]);
    alice.send(packetBetween(alice, bob));
  });

  it('is cleared at every retransmission', () => {
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

function connected(): Pair {
  const pair = createPair();
  connect(pair);
  return pair;
}
