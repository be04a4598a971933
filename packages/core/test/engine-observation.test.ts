import { connect, createPair, packetBetween, type Pair } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import {
  observe,
  peerOfMessage,
  peerOfPacket,
  renewSessions,
  type EngineObserver,
} from '../src/internals.ts';

describe('observe', () => {
  it('shows each processed handshake message, with its peer and why it was dropped', () => {
    const pair = createPair();
    const seen: unknown[] = [];
    observe(pair.bob.engine, {
      handshakeMessage: (message, source, reason, peer) =>
        seen.push([message[0], message.length, source.toString(), reason, peer]),
    });
    connect(pair);
    const { network, alice, bob } = pair;
    expect(seen).toEqual([[1, 148, alice.endpoint.toString(), undefined, alice.person.publicKey]]);
    const initiation = initiationOf(pair);
    bob.engine.handleDatagram(initiation.slice(), alice.endpoint, network.now + 100);
    expect(seen[1]).toEqual([
      1,
      148,
      alice.endpoint.toString(),
      'replayed-initiation',
      alice.person.publicKey,
    ]);
    const forged = initiation.slice();
    forged[147] ^= 1;
    forged[120] ^= 1;
    bob.engine.handleDatagram(forged, alice.endpoint, network.now + 200);
    expect(seen[2]).toEqual([1, 148, alice.endpoint.toString(), 'bad-mac1', undefined]);
    observe(bob.engine, undefined);
    bob.engine.handleDatagram(initiation.slice(), alice.endpoint, network.now + 300);
    expect(seen.length).toBe(3);
  });

  it('finds the peer of a response by the receiver index, and reports that peer', () => {
    const pair = createPair();
    const peers: unknown[] = [];
    observe(pair.alice.engine, {
      handshakeMessage: (_message, _source, _reason, peer) => peers.push(peer),
    });
    connect(pair);
    expect(peers).toEqual([pair.bob.person.publicKey]);
  });

  it('does not change what the engine sends', () => {
    const plain = createPair();
    const observed = createPair();
    const secrets: EngineObserver = { handshakeMessage() {}, handshakeSecrets() {} };
    observe(observed.alice.engine, secrets);
    observe(observed.bob.engine, secrets);
    connect(plain);
    connect(observed);
    expect(wire(observed)).toEqual(wire(plain));
    expect(wire(plain).length).toBeGreaterThan(2);
  });
});

describe('peerOfPacket', () => {
  it('finds the peer of the destination', () => {
    const { alice, bob } = createPair();
    const packet = packetBetween(alice, bob);
    const at = new Uint8Array([0, 0, ...packet]);
    const peer = peerOfPacket(alice.engine, at, 2, packet.length);
    expect(peer).toEqual(bob.person.publicKey);
    // All packets of a peer give the same object, so a caller can use it as the key of a map.
    expect(peerOfPacket(alice.engine, packet, 0, packet.length)).toBe(peer);
    packet[19] = 99;
    expect(peerOfPacket(alice.engine, packet, 0, packet.length)).toBeUndefined();
    for (let length = 0; length < 20; length++) {
      expect(peerOfPacket(alice.engine, packet, 0, length)).toBeUndefined();
    }
    const ipv6 = new Uint8Array(40).fill(0x60);
    expect(peerOfPacket(alice.engine, ipv6, 0, 39)).toBeUndefined();
    expect(peerOfPacket(alice.engine, ipv6, 0, 40)).toBeUndefined();
  });
});

describe('peerOfMessage', () => {
  it('finds the peer of a session by its index, but none for an initiation', () => {
    const pair = createPair();
    const { alice, bob } = pair;
    connect(pair);
    const data = pair.network.eavesdropper.datagrams.find(({ bytes }) => bytes[0] === 4)!.bytes;
    const receiver = [alice, bob].find(
      ({ engine }) => peerOfMessage(engine, data, 0, data.length) !== undefined,
    );
    expect(receiver).toBeDefined();
    expect(peerOfMessage(bob.engine, data, 0, 11)).toBeUndefined();
    const initiation = initiationOf(pair);
    expect(peerOfMessage(bob.engine, initiation, 0, 148)).toBeUndefined();
  });
});

describe('renewSessions', () => {
  it('starts a handshake with the wanted peers, although there is a session', () => {
    const pair = createPair();
    connect(pair);
    const { alice, network } = pair;
    const before = alice.engine.stats.sentInitiations;
    renewSessions(alice.engine, () => false, network.now + 6000);
    expect(alice.engine.stats.sentInitiations).toBe(before);
    renewSessions(alice.engine, () => true, network.now + 6000);
    expect(alice.engine.stats.sentInitiations).toBe(before + 1);
    // At most one handshake message per Rekey-Timeout.
    renewSessions(alice.engine, () => true, network.now + 6001);
    expect(alice.engine.stats.sentInitiations).toBe(before + 1);
  });
});

function initiationOf({ network }: Pair): Uint8Array {
  return network.eavesdropper.datagrams.find(({ bytes }) => bytes[0] === 1)!.bytes;
}

function wire({ network }: Pair): string[] {
  return network.eavesdropper.datagrams.map(({ bytes }) => Buffer.from(bytes).toString('hex'));
}
