import {
  connect,
  createPair,
  createPerson,
  introduce,
  ipPacket,
  joinNetwork,
  packetBetween,
  type CapturedDatagram,
  type Pair,
  type Person,
} from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { stateOf } from '../../src/engine.ts';
import type { Endpoint } from '../../src/index.ts';
import { keyId } from '../../src/keys.ts';

describe('RoutingLoops', () => {
  it.each([4, 6] as const)(
    'drop a datagram for a peer that comes back as a packet for the same peer: IPv%i',
    (family) => {
      const { alice, bob } = around(family);
      const [datagram] = sendAndCatch(alice, bob);
      expect(alice.send(asPacket(datagram, family))).toBe('routing-loop');
      expect(alice.engine.stats.drops.toJSON()).toEqual({ 'routing-loop': 1 });
      expect(alice.engine.peer(bob.person.publicKey)?.drops).toEqual({ 'routing-loop': 1 });
    },
  );

  it('drop an initiation and a response that loop', () => {
    const { network, alice, bob } = around(4, false);
    const [initiation] = sendAndCatch(alice, bob);
    expect(initiation.bytes[0]).toBe(1);
    expect(alice.send(asPacket(initiation, 4))).toBe('routing-loop');
    bob.receive(initiation.bytes.slice(), alice.endpoint);
    const [response] = network.eavesdropper.of(2, bob);
    widen(bob, alice.person);
    expect(bob.send(asPacket(response, 4))).toBe('routing-loop');
  });

  it('do not drop datagrams that this engine has not sent', () => {
    const { alice, bob } = around(4);
    const [datagram] = sendAndCatch(alice, bob);
    for (const type of [1, 2, 3, 4]) {
      const bytes = datagram.bytes.slice();
      bytes[0] = type;
      bytes[4] ^= 1;
      expect(alice.send(asPacket({ ...datagram, bytes }, 4))).toBeUndefined();
    }
    // A datagram with our index is not ours if it is not a message.
    const odd = datagram.bytes.slice();
    odd[2] = 1;
    expect(alice.send(asPacket({ ...datagram, bytes: odd }, 4))).toBeUndefined();
    const tcp = asPacket(datagram, 4);
    tcp[9] = 6;
    expect(alice.send(tcp)).toBeUndefined();
    expect(alice.engine.stats.drops.toJSON()).toEqual({});
  });

  it('allow datagrams for a peer that go through the tunnel of another peer', () => {
    const { alice, bob, carol } = three();
    for (let i = 0; i < 5; i++) {
      const [forCarol] = sendAndCatch(alice, carol);
      const [forBob] = sendAndCatch(alice, bob, asPacket(forCarol, 4));
      expect(forBob.to.sameDestination(bob.endpoint)).toBe(true);
    }
    expect(alice.engine.stats.drops.toJSON()).toEqual({});
  });

  it('drop a loop through another peer when the datagram comes back', () => {
    const { network, alice, bob, carol } = three();
    const [forCarol] = sendAndCatch(alice, carol);
    const [forBob] = sendAndCatch(alice, bob, asPacket(forCarol, 4));
    route(alice, carol, forBob.to);
    expect(alice.send(asPacket(forBob, 4))).toBe('routing-loop');
    // After a second, carol may be reached in another way, and bob inside her tunnel.
    network.now += 1000;
    expect(alice.send(asPacket(forBob, 4))).toBeUndefined();
  });

  it('drop datagrams in a chain of more tunnels than the limit', () => {
    const { network, alice } = createPair();
    const chain = Array.from({ length: 19 }, (_, i) => createPerson(10 + i));
    const nodes = chain.map((person) => {
      const node = joinNetwork(network, person);
      introduce(node, alice.person);
      introduce(alice, person);
      alice.send(packetBetween(alice, node));
      network.settle();
      return node;
    });
    // Each node is reached inside the tunnel of the node before it.
    const refused = nodes.slice(1).map((node, i) => {
      const [datagram] = sendAndCatch(alice, node, packetBetween(alice, node));
      route(alice, nodes[i], node.endpoint);
      return alice.send(asPacket(datagram, 4));
    });
    expect(refused.slice(0, 16)).toEqual(Array.from({ length: 16 }));
    expect(refused[16]).toBe('routing-loop');
  });

  it.each([4, 6] as const)(
    'drop the later fragments of a datagram whose first fragment was dropped: IPv%i',
    (family) => {
      const { alice, bob } = around(family);
      const [datagram] = sendAndCatch(alice, bob, packetBetween(alice, bob, { length: 1400 }));
      const [first, second] = fragments(asPacket(datagram, family), family, 7);
      const [, unrelated] = fragments(asPacket(datagram, family), family, 8);
      expect(alice.send(first)).toBe('routing-loop');
      expect(alice.send(second)).toBe('routing-loop');
      expect(alice.send(unrelated)).toBeUndefined();
    },
  );

  it('remember only the last 16 fragmented datagrams', () => {
    const { alice, bob } = around(4);
    const [datagram] = sendAndCatch(alice, bob, packetBetween(alice, bob, { length: 1400 }));
    const later = (id: number) => alice.send(fragments(asPacket(datagram, 4), 4, id)[1]);
    for (let id = 1; id <= 17; id++) {
      expect(alice.send(fragments(asPacket(datagram, 4), 4, id)[0])).toBe('routing-loop');
    }
    expect([1, 2, 3, 17].map(later)).toEqual([
      undefined,
      'routing-loop',
      'routing-loop',
      'routing-loop',
    ]);
  });

  it.each([4, 6] as const)(
    'identify a fragment by its identification field and both addresses: IPv%i',
    (family) => {
      const { alice, bob } = around(family);
      const [datagram] = sendAndCatch(alice, bob, packetBetween(alice, bob, { length: 1400 }));
      const [first, second] = fragments(asPacket(datagram, family), family, 7);
      expect(alice.send(first)).toBe('routing-loop');
      const [source, destination] = family === 4 ? [12, 16] : [8, 24];
      const length = family === 4 ? 4 : 16;
      for (const at of [source + length - 1, destination + length - 1]) {
        const other = second.slice();
        other[at] ^= 1;
        expect(alice.send(other)).toBeUndefined();
      }
      expect(alice.send(second)).toBe('routing-loop');
    },
  );

  it('remember nothing of a datagram that is not fragmented', () => {
    const { alice, bob } = around(4);
    const [datagram] = sendAndCatch(alice, bob, packetBetween(alice, bob, { length: 1400 }));
    const whole = asPacket(datagram, 4);
    whole[5] = 9;
    expect(alice.send(whole)).toBe('routing-loop');
    expect(alice.send(fragments(asPacket(datagram, 4), 4, 9)[1])).toBeUndefined();
  });

  it('let through fragments of other protocols, and packets with other headers', () => {
    const { alice, bob } = around(6);
    const [datagram] = sendAndCatch(alice, bob, packetBetween(alice, bob, { length: 1400 }));
    const [first, second] = fragments(asPacket(datagram, 6), 6, 7);
    // A fragment of TCP is not ours, whatever it contains.
    const tcp = first.slice();
    tcp[40] = 6;
    expect(alice.send(tcp)).toBeUndefined();
    expect(alice.send(second)).toBeUndefined();
    // Our datagrams have no hop-by-hop options.
    const options = asPacket(datagram, 6);
    options[6] = 0;
    expect(alice.send(options)).toBeUndefined();
    // In IPv4, protocol 44 is not a fragment header.
    const other = around(4);
    const [ours] = sendAndCatch(other.alice, other.bob);
    const odd = asPacket(ours, 4);
    odd[9] = 44;
    expect(other.alice.send(odd)).toBeUndefined();
  });

  it('learn the carrier of a peer from an initiation, too', () => {
    const { network, alice, bob, carol } = three();
    network.now += 200_000;
    const [initiation] = sendAndCatch(alice, carol);
    expect(initiation.bytes[0]).toBe(1);
    const [forBob] = sendAndCatch(alice, bob, asPacket(initiation, 4));
    expect(forBob.to.sameDestination(bob.endpoint)).toBe(true);
    const inner = stateOf(alice.engine).peers.get(keyId(carol.person.publicKey))!;
    expect(inner.carrier).toBe(stateOf(alice.engine).peers.get(keyId(bob.person.publicKey)));
    expect(inner.carriedAt).toBe(network.now);
  });

  it('read no byte after the packet', () => {
    const { alice, bob } = around(4);
    const [datagram] = sendAndCatch(alice, bob);
    const packet = asPacket(datagram, 4);
    for (let length = 20; length < 60; length++) {
      const short = packet.slice(0, length);
      new DataView(short.buffer).setUint16(2, length);
      expect(alice.send(short)).toBe(undefined);
    }
    expect(alice.send(packet.subarray(0, 60))).toBe('routing-loop');
  });

  it('recognize the datagrams of several peers that chose the same index', () => {
    const { alice, bob, carol } = three();
    const { indices, peers } = stateOf(alice.engine);
    const [bobs, carols] = [bob, carol].map(
      ({ person }) => peers.get(keyId(person.publicKey))!.keypairs.current!,
    );
    // From here on, alice's state is as if carol had chosen the same index as bob.
    Object.defineProperty(carols, 'remoteIndex', { value: bobs.remoteIndex });
    indices.assign(carols.localIndex, carols);
    const [forCarol] = sendAndCatch(alice, carol);
    route(alice, carol, carol.endpoint);
    expect(alice.send(asPacket(forCarol, 4))).toBe('routing-loop');
    indices.free(bobs.localIndex);
    expect(alice.send(asPacket(forCarol, 4))).toBe('routing-loop');
    indices.free(carols.localIndex);
    expect(alice.send(asPacket(forCarol, 4))).toBeUndefined();
  });

  it('forget the carrier of a peer that is removed', () => {
    const { alice, bob, carol } = three();
    const [forCarol] = sendAndCatch(alice, carol);
    const [forBob] = sendAndCatch(alice, bob, asPacket(forCarol, 4));
    alice.input((engine, now) => {
      engine.configure({ peers: [{ publicKey: carol.person.publicKey, remove: true }] }, now);
    });
    introduce(alice, carol.person);
    route(alice, carol, forBob.to);
    expect(alice.send(asPacket(forBob, 4))).toBeUndefined();
  });
});

type Node = Pair['alice'];

/**
 * Returns a pair. Alice routes all addresses of the family to bob, also the address of his
 * endpoint.
 */
function around(family: 4 | 6, isConnected = true): Pair {
  const pair = createPair();
  if (isConnected) connect(pair);
  const prefix = new Uint8Array(family === 4 ? 4 : 16);
  pair.alice.input((engine, now) => {
    const allowedIps = [{ address: prefix, prefixLength: 0 }];
    engine.configure({ peers: [{ publicKey: pair.bob.person.publicKey, allowedIps }] }, now);
  });
  return pair;
}

/** Returns nodes with sessions. Alice reaches carol's endpoint inside bob's tunnel. */
function three(): Pair & { carol: Node } {
  const pair = createPair();
  connect(pair);
  const { network, alice, bob } = pair;
  const carol = joinNetwork(network, createPerson(3));
  introduce(carol, alice.person);
  introduce(alice, carol.person);
  alice.send(packetBetween(alice, carol));
  network.settle();
  route(alice, bob, carol.endpoint);
  return { ...pair, carol };
}

/** Makes the address of an endpoint an allowed IP of a peer. */
function route(node: Node, peer: Node, to: Endpoint): void {
  const allowedIps = [{ address: to.address, prefixLength: to.address.length * 8 }];
  node.input((engine, now) => {
    engine.configure({ peers: [{ publicKey: peer.person.publicKey, allowedIps }] }, now);
  });
}

function widen(node: Node, person: Person): void {
  const allowedIps = [{ address: new Uint8Array(4), prefixLength: 0 }];
  node.input((engine, now) => {
    engine.configure({ peers: [{ publicKey: person.publicKey, allowedIps }] }, now);
  });
}

/** Sends a packet, and returns the datagrams that leave. The network does not deliver them. */
function sendAndCatch(from: Node, to: Node, packet?: Uint8Array): CapturedDatagram[] {
  const { network } = from;
  network.eavesdropper.forget();
  network.loses = () => true;
  from.send(packet ?? packetBetween(from, to));
  return network.eavesdropper.datagrams.slice();
}

/**
 * Returns the datagram as an IP packet that the kernel routes into the interface. The addresses of
 * an IPv6 packet are made up.
 */
function asPacket({ to, bytes }: CapturedDatagram, family: 4 | 6): Uint8Array {
  const udp = new Uint8Array(8 + bytes.length);
  const view = new DataView(udp.buffer);
  view.setUint16(0, 51820);
  view.setUint16(2, to.port);
  view.setUint16(4, udp.length);
  udp.set(bytes, 8);
  if (family === 4) {
    return ipPacket({ source: [192, 0, 2, 1], destination: to.address, payload: udp });
  }
  const [source, destination] = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)];
  return ipPacket({ source, destination, payload: udp });
}

/** Returns the two fragments of a packet, the first with 800 bytes of payload. */
function fragments(packet: Uint8Array, family: 4 | 6, id: number): Uint8Array[] {
  const header = family === 4 ? 20 : 40;
  const payload = packet.subarray(header);
  return [payload.subarray(0, 800), payload.subarray(800)].map((part, i) => {
    if (family === 4) {
      const fragment = Uint8Array.from([...packet.subarray(0, 20), ...part]);
      const view = new DataView(fragment.buffer);
      view.setUint16(2, fragment.length);
      view.setUint16(4, id);
      view.setUint16(6, i === 0 ? 0x2000 : 100);
      return fragment;
    }
    const extension = [17, 0, 0, i === 0 ? 1 : 0, 0, 0, 0, id];
    if (i === 1) extension.splice(2, 2, 800 >> 8, 800 & 0xff);
    const fragment = Uint8Array.from([...packet.subarray(0, 40), ...extension, ...part]);
    new DataView(fragment.buffer).setUint16(4, fragment.length - 40);
    fragment[6] = 44;
    return fragment;
  });
}
