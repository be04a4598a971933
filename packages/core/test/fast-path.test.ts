import { connect, createPair, packetBetween, type Pair } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import type { Keypair } from '../src/keypairs.ts';

describe('FastPath', () => {
  it('sends a batch with one look-up and one round of bookkeeping', () => {
    const { network, alice, bob } = connected();
    const { fastPath } = alice.engine;
    const before = alice.engine.peer(bob.person.publicKey)!;
    const packets = [100, 1000, 60].map((length) => packetBetween(alice, bob, { length }));
    const peer = fastPath.route(packets[0], 0, packets[0].length)!;
    const keypair = fastPath.sendKeypair(peer, network.now)!;
    let bytes = 0;
    for (const packet of packets) {
      const room = new Uint8Array(packet.length + 64);
      room.set(packet, 20);
      const length = fastPath.seal(keypair, room, 20, packet.length);
      network.inject(room.subarray(4, 4 + length), alice.endpoint, bob.endpoint);
      bytes += length;
    }
    fastPath.afterSend(keypair, packets.length, bytes, network.now);
    network.settle();
    expect(bob.packets.slice(1)).toEqual(packets);
    const after = alice.engine.peer(bob.person.publicKey)!;
    expect(after.sentBytes - before.sentBytes).toBe(bytes);
    // The timers run as after handlePacket: an answer is expected within 15 s.
    network.loses = () => true;
    network.eavesdropper.forget();
    network.drive(15_400);
    expect(network.eavesdropper.types(alice)).toContain(1);
  });

  it('receives a batch', () => {
    const { network, alice, bob } = connected();
    const { fastPath } = bob.engine;
    network.loses = () => true;
    const sent = [100, 200].map((length) => packetBetween(alice, bob, { length }));
    for (const packet of sent) alice.send(packet);
    const received: Uint8Array[] = [];
    let last: Keypair | undefined;
    for (const { bytes } of network.eavesdropper.of(4).slice(-2)) {
      const opened = fastPath.open(bytes, 0, bytes.length, network.now);
      if (typeof opened === 'string') throw new Error(opened);
      const length = fastPath.accept(opened, bytes, 16, bytes.length - 32, 0);
      received.push(bytes.slice(16, 16 + length));
      last = opened;
    }
    fastPath.afterReceive(last!, alice.endpoint, 2, 400, true, network.now);
    expect(received).toEqual(sent);
    expect(bob.engine.peer(alice.person.publicKey)?.endpoint).toBe(alice.endpoint);
  });

  it('has no keypair to send with while there is no session or something waits', () => {
    const { network, alice, bob } = createPair();
    const { fastPath } = alice.engine;
    const packet = packetBetween(alice, bob);
    const peer = fastPath.route(packet, 0, packet.length)!;
    expect(fastPath.sendKeypair(peer, network.now)).toBeUndefined();
    connect({ network, alice, bob });
    expect(fastPath.sendKeypair(peer, network.now)).toBe(peer.sendKeypair(network.now));
    peer.staged!.push(packet, 0, packet.length);
    expect(fastPath.sendKeypair(peer, network.now)).toBeUndefined();
  });

  it('counts what it refuses', () => {
    const { network, alice, bob } = connected();
    const { bytes } = network.eavesdropper.of(4, alice)[0];
    const { fastPath } = bob.engine;
    expect(fastPath.open(bytes.slice(), 0, bytes.length, network.now)).toBe('replayed-counter');
    const packet = packetBetween(bob, alice);
    const keypair = fastPath.route(packet, 0, packet.length)!.sendKeypair(network.now)!;
    expect(fastPath.accept(keypair, packet, 0, packet.length, 0)).toBe(0);
    expect(fastPath.accept(keypair, new Uint8Array(20), 0, 20, 0)).toBe(0);
    expect(bob.engine.stats.drops.toJSON()).toEqual({
      'replayed-counter': 1,
      'disallowed-source': 1,
      'malformed-packet': 1,
    });
    expect(fastPath.route(new Uint8Array(20), 0, 20)).toBeUndefined();
  });
});

function connected(): Pair {
  const pair = createPair();
  connect(pair);
  return pair;
}
