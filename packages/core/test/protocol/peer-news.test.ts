import { createPair, createPerson, packetBetween, type SimulatedNode } from '@litz/testkit';
import { Endpoint } from '../../src/index.ts';
import { describe, expect, it } from 'vitest';

describe('peer events', () => {
  it('report the values of a peer after its first handshake and after the next one', () => {
    const { network, alice, bob } = createPair();
    alice.engine.tellsPeers = bob.engine.tellsPeers = true;
    alice.send(packetBetween(alice, bob));
    network.settle();
    const [told] = alice.eventsOf('peer');
    expect(told).toMatchObject({ peer: bob.person.publicKey, state: 'present' });
    expect(told?.endpoint?.sameDestination(bob.person.endpoint)).toBe(true);
    const first = told?.lastHandshakeUnixMs ?? 0;
    expect(first).toBe(alice.engine.peer(bob.person.publicKey)?.lastHandshakeUnixMs);
    expect(bob.eventsOf('peer')).toHaveLength(1);
    const [own, peer] = [alice.person.publicKey, bob.person.publicKey];
    expect(told?.sessionKeys).toEqual({ own, peer });
    network.drive(130_000);
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect(alice.eventsOf('peer').at(-1)?.lastHandshakeUnixMs).toBeGreaterThan(first);
  });

  it('report a peer with a new endpoint', () => {
    const { network, alice, bob } = createPair();
    alice.send(packetBetween(alice, bob));
    network.settle();
    bob.engine.tellsPeers = true;
    const moved = new Endpoint(Uint8Array.of(203, 0, 113, 9), 4000);
    alice.endpoint = moved;
    alice.send(packetBetween(alice, bob));
    network.settle();
    const told = bob.eventsOf('peer');
    expect(told).toHaveLength(1);
    expect(told[0]?.endpoint?.sameDestination(moved)).toBe(true);
    expect(told[0]?.lastHandshakeUnixMs).toBeGreaterThan(0);
  });

  it('report peers that are added, get an endpoint, and are removed', () => {
    const { network, alice } = createPair();
    const { publicKey, endpoint } = createPerson(9);
    alice.engine.tellsPeers = true;
    for (const peer of [
      { publicKey },
      { publicKey, persistentKeepalive: 5 },
      { publicKey, endpoint },
      { publicKey, remove: true },
    ]) {
      alice.engine.configure({ peers: [peer] }, network.now);
    }
    expect(newsOf(alice)).toEqual([
      ['present', undefined],
      ['present', 51820],
      ['removed', 51820],
    ]);
  });

  it('are emitted only while they are turned on', () => {
    const { network, alice, bob } = createPair();
    alice.engine.tellsPeers = true;
    expect(alice.engine.tellsPeers).toBe(true);
    alice.engine.tellsPeers = false;
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect([...alice.eventsOf('peer'), ...bob.eventsOf('peer')]).toEqual([]);
  });
});

function newsOf(node: SimulatedNode): [state: string, port: number | undefined][] {
  const news: [string, number | undefined][] = [];
  for (;;) {
    const event = node.engine.pollEvent();
    if (!event) return news;
    if (event.type === 'peer') news.push([event.state, event.endpoint?.port]);
  }
}
