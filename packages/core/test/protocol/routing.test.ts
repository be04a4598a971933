import {
  connect,
  createPair,
  createPerson,
  headerChecksumIsRight,
  introduce,
  ipPacket,
  joinNetwork,
  packetBetween,
  SimulatedNetwork,
  type Person,
  type SimulatedNode,
} from '@litz/testkit';
import { describe, expect, it } from 'vitest';

describe('cryptokey routing', () => {
  it('sends to the peer with the longest prefix', () => {
    const { network, hub, spokes } = star(2);
    const [first, second] = spokes;
    allow(hub, first.person, [10, 9, 0, 0], 16);
    allow(hub, second.person, [10, 9, 8, 0], 24);
    const packet = (last: number[]): Uint8Array =>
      ipPacket({ source: hub.person.ipv4, destination: last });
    hub.send(packet([10, 9, 1, 1]));
    hub.send(packet([10, 9, 8, 1]));
    hub.send(packet([10, 9, 8, 2]));
    network.settle();
    expect(first.packets).toHaveLength(1);
    expect(second.packets).toHaveLength(2);
  });

  it('looks up a source in the whole table: a longer prefix of another peer wins', () => {
    const { network, hub, spokes } = star(2);
    const [first, second] = spokes;
    allow(hub, first.person, [10, 9, 0, 0], 16);
    allow(hub, second.person, [10, 9, 8, 0], 24);
    const from = (source: number[]): Uint8Array =>
      ipPacket({ source, destination: hub.person.ipv4 });
    first.send(from([10, 9, 1, 1]));
    // This source is in the prefix of the first peer, but the hub routes it to the second peer.
    first.send(from([10, 9, 8, 1]));
    first.send(from([172, 16, 0, 1]));
    network.settle();
    expect(hub.packets).toHaveLength(1);
    expect(hub.engine.peer(first.person.publicKey)?.drops).toEqual({ 'disallowed-source': 2 });
    second.send(from([10, 9, 8, 1]));
    network.settle();
    expect(hub.packets).toHaveLength(2);
  });

  it('moves a prefix to another peer at once', () => {
    const { network, hub, spokes } = star(2);
    const [first, second] = spokes;
    allow(hub, first.person, [10, 9, 0, 0], 16);
    allow(hub, second.person, [10, 9, 0, 0], 16);
    hub.send(ipPacket({ source: hub.person.ipv4, destination: [10, 9, 1, 1] }));
    network.settle();
    expect(first.packets).toHaveLength(0);
    expect(second.packets).toHaveLength(1);
    expect(hub.engine.peer(first.person.publicKey)?.allowedIps).toHaveLength(2);
  });
});

describe('an ICMP message that the engine makes', () => {
  it('answers a packet that has no peer: with code 1, from the packet’s destination', () => {
    const { alice } = createPair();
    const destination = [172, 16, 5, 5];
    const drop = alice.send(ipPacket({ source: alice.person.ipv4, destination, length: 60 }));
    expect(drop).toBe('no-peer');
    const [answer] = alice.packets;
    expect(answer?.[9]).toBe(1);
    expect([...(answer?.subarray(12, 16) ?? [])]).toEqual(destination);
    expect([...(answer?.subarray(16, 20) ?? [])]).toEqual([...alice.person.ipv4]);
    expect([...(answer?.subarray(20, 22) ?? [])]).toEqual([3, 1]);
    expect(headerChecksumIsRight(answer ?? new Uint8Array(20))).toBe(true);
    expect(alice.engine.stats.createdUnreachables).toBe(1);
  });

  it('has code 3 of ICMPv6 if the packet is IPv6', () => {
    const { alice } = createPair();
    const destination = createPerson(77).ipv6;
    alice.send(ipPacket({ source: alice.person.ipv6, destination, length: 60 }));
    const [answer] = alice.packets;
    expect(answer?.[6]).toBe(58);
    expect([...(answer?.subarray(8, 24) ?? [])]).toEqual([...destination]);
    expect([...(answer?.subarray(40, 42) ?? [])]).toEqual([1, 3]);
  });

  it('also answers a packet whose peer has no endpoint', () => {
    const { network, alice } = createPair();
    const { publicKey, ipv4 } = createPerson(7);
    const allowedIps = [{ address: ipv4, prefixLength: 32 }];
    alice.input((engine, now) => engine.configure({ peers: [{ publicKey, allowedIps }] }, now));
    const packet = ipPacket({ source: alice.person.ipv4, destination: ipv4 });
    expect(alice.send(packet)).toBe('no-endpoint');
    expect(alice.packets).toHaveLength(1);
    expect(alice.engine.peer(publicKey)?.drops).toEqual({ 'no-endpoint': 1 });
    expect(network.eavesdropper.datagrams).toEqual([]);
  });

  it('is made for at most 50 packets at once', () => {
    const { network, alice } = createPair();
    const packet = ipPacket({ source: alice.person.ipv4, destination: [172, 16, 5, 5] });
    for (let i = 0; i < 500; i++) alice.send(packet);
    expect(alice.packets).toHaveLength(50);
    expect(alice.engine.stats.drops.count('no-peer')).toBe(500);
    network.drive(1000);
    alice.send(packet);
    expect(alice.packets).toHaveLength(51);
  });

  it('never answers an ICMP error', () => {
    const { alice } = createPair();
    const payload = [3, 1, 0, 0, 0, 0, 0, 0];
    const options = { source: alice.person.ipv4, destination: [172, 16, 5, 5], protocol: 1 };
    alice.send(ipPacket({ ...options, payload }));
    expect(alice.packets).toEqual([]);
  });
});

describe('data from the interface', () => {
  it('is dropped and counted if it is not an IP packet', () => {
    const { alice } = createPair();
    expect(alice.send(new Uint8Array(0))).toBe('not-ip');
    expect(alice.send(new Uint8Array(19).fill(0x45))).toBe('not-ip');
    expect(alice.send(new Uint8Array(39).fill(0x60))).toBe('not-ip');
    expect(alice.send(new Uint8Array(64).fill(0x55))).toBe('not-ip');
    expect(alice.engine.stats.drops.toJSON()).toEqual({ 'not-ip': 4 });
  });

  it('is dropped if it is too big for a datagram', () => {
    const pair = createPair();
    connect(pair);
    const { alice, bob } = pair;
    expect(alice.send(packetBetween(alice, bob, { length: 65_476 }))).toBe('packet-too-big');
  });
});

type Node = SimulatedNode & { person: Person };

/** A hub whose peers are some spokes. The spokes route everything to the hub. */
function star(count: number): { network: SimulatedNetwork; hub: Node; spokes: Node[] } {
  const network = new SimulatedNetwork();
  const hub = joinNetwork(network, createPerson(1));
  const spokes = Array.from({ length: count }, (_, i) => joinNetwork(network, createPerson(i + 2)));
  for (const spoke of spokes) {
    introduce(hub, spoke.person);
    introduce(spoke, hub.person, {
      allowedIps: [{ address: new Uint8Array(4), prefixLength: 0 }],
    });
  }
  return { network, hub, spokes };
}

function allow(node: Node, person: Person, address: number[], prefixLength: number): void {
  const allowedIps = [{ address: Uint8Array.from(address), prefixLength }];
  const { publicKey } = person;
  node.input((engine, now) => engine.configure({ peers: [{ publicKey, allowedIps }] }, now));
}
