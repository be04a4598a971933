import { createPair, createPerson, packetBetween, type SimulatedNode } from '@litz/testkit';
import { Endpoint } from '../../src/index.ts';
import { describe, expect, it } from 'vitest';

describe('peer events', () => {
  it('report the values of a peer after its first handshake and after the next one', () => {
    const { network, alice, bob } = createPair();
    alice.engine.emitsPeerEvents = bob.engine.emitsPeerEvents = true;
    alice.send(packetBetween(alice, bob));
    network.settle();
    const [event] = alice.eventsOf('peer');
    expect(event).toMatchObject({ peer: bob.person.publicKey, change: 'updated' });
    expect(event?.endpoint?.sameDestination(bob.person.endpoint)).toBe(true);
    const first = event?.lastHandshakeUnixMs ?? 0;
    expect(first).toBe(alice.engine.peer(bob.person.publicKey)?.lastHandshakeUnixMs);
    expect(bob.eventsOf('peer')).toHaveLength(1);
    const [own, peer] = [alice.person.publicKey, bob.person.publicKey];
    expect(event?.sessionStaticKeys).toEqual({ own, peer });
    network.drive(130_000);
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect(alice.eventsOf('peer').at(-1)?.lastHandshakeUnixMs).toBeGreaterThan(first);
  });

  it('report a peer with a new endpoint', () => {
    const { network, alice, bob } = createPair();
    alice.send(packetBetween(alice, bob));
    network.settle();
    bob.engine.emitsPeerEvents = true;
    const moved = new Endpoint(Uint8Array.of(203, 0, 113, 9), 4000);
    alice.endpoint = moved;
    alice.send(packetBetween(alice, bob));
    network.settle();
    const events = bob.eventsOf('peer');
    expect(events).toHaveLength(1);
    expect(events[0]?.endpoint?.sameDestination(moved)).toBe(true);
    expect(events[0]?.lastHandshakeUnixMs).toBeGreaterThan(0);
  });

  it('report peers that are added, get an endpoint, and are removed', () => {
    const { network, alice } = createPair();
    const { publicKey, endpoint } = createPerson(9);
    alice.engine.emitsPeerEvents = true;
    for (const peer of [
      { publicKey },
      { publicKey, persistentKeepalive: 5 },
      { publicKey, endpoint },
      { publicKey, remove: true },
    ]) {
      alice.engine.configure({ peers: [peer] }, network.now);
    }
    expect(peerChangesOf(alice)).toEqual([
      ['updated', undefined],
      ['updated', 51820],
      ['removed', 51820],
    ]);
  });

  it('are emitted only while they are turned on', () => {
    const { network, alice, bob } = createPair();
    alice.engine.emitsPeerEvents = true;
    expect(alice.engine.emitsPeerEvents).toBe(true);
    alice.engine.emitsPeerEvents = false;
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect([...alice.eventsOf('peer'), ...bob.eventsOf('peer')]).toEqual([]);
  });
});

function peerChangesOf(node: SimulatedNode): [change: string, port: number | undefined][] {
  const changes: [string, number | undefined][] = [];
  for (;;) {
    const event = node.engine.pollEvent();
    if (!event) return changes;
    if (event.type === 'peer') changes.push([event.change, event.endpoint?.port]);
  }
}
