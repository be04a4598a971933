import { connect, createPair, packetBetween, type Pair } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import type { DropReason } from '../../src/index.ts';
import { MESSAGE_TYPE } from '../../src/internals.ts';

const { TRANSPORT_DATA } = MESSAGE_TYPE;

describe('transport data', () => {
  it('carries IPv4 and IPv6 of every size, byte for byte', () => {
    const pair = createPair({ alice: { mtu: 65_475 } });
    const { network, alice, bob } = pair;
    connect(pair);
    bob.packets.length = 0;
    const sent: Uint8Array[] = [];
    for (const length of [20, 21, 40, 64, 576, 1280, 1419, 1420, 9000, 34_736, 65_475]) {
      sent.push(packetBetween(alice, bob, { length }));
      if (length < 40) continue;
      const { ipv6 } = alice.person;
      sent.push(packetBetween(alice, bob, { source: ipv6, destination: bob.person.ipv6, length }));
    }
    for (const packet of sent) expect(alice.send(packet)).toBeUndefined();
    network.settle();
    expect(bob.packets).toEqual(sent);
  });

  it('pads to a multiple of 16 bytes, but never past the MTU', () => {
    const { alice, bob, network } = connected({ alice: { mtu: 1420 } });
    const sizeOf = (length: number): number => {
      network.eavesdropper.forget();
      alice.send(packetBetween(alice, bob, { length }));
      return (network.eavesdropper.datagrams[0]?.bytes.length ?? 0) - 32;
    };
    expect(sizeOf(20)).toBe(32);
    expect(sizeOf(32)).toBe(32);
    expect(sizeOf(33)).toBe(48);
    expect(sizeOf(1408)).toBe(1408);
    expect(sizeOf(1409)).toBe(1420);
    expect(sizeOf(1420)).toBe(1420);
    expect(sizeOf(1430)).toBe(1430);
    alice.engine.mtu = 1300;
    expect(sizeOf(1299)).toBe(1300);
  });

  it('shows none of the plaintext on the wire, and the receiver removes the padding', () => {
    const { network, alice, bob } = connected();
    network.eavesdropper.forget();
    const payload = new TextEncoder().encode('attack at dawn');
    alice.send(packetBetween(alice, bob, { payload }));
    const [datagram] = network.eavesdropper.datagrams;
    expect(Buffer.from(datagram?.bytes ?? []).includes('attack')).toBe(false);
    network.settle();
    expect(bob.packets.at(-1)).toHaveLength(20 + payload.length);
  });

  it('counts messages from 0, in 64 bits, little-endian', () => {
    const { network, alice, bob } = connected();
    for (let i = 0; i < 300; i++) alice.send(packetBetween(alice, bob));
    const counters = network.eavesdropper
      .of(TRANSPORT_DATA, alice)
      .map(({ bytes }) => Buffer.from(bytes).readBigUInt64LE(8));
    expect(counters.slice(0, 3)).toEqual([0n, 1n, 2n]);
    expect(counters.at(-1)).toBe(300n);
  });

  it('accepts reordered messages, and drops repeated messages', () => {
    const { network, alice, bob } = connected();
    network.reorder(2);
    alice.send(packetBetween(alice, bob, { length: 100 }));
    alice.send(packetBetween(alice, bob, { length: 200 }));
    network.settle();
    expect(bob.packets.map(({ length }) => length).slice(1)).toEqual([200, 100]);
    network.duplicate(1);
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect(bob.engine.stats.drops.toJSON()).toEqual({ 'replayed-counter': 1 });
  });

  it('accepts a counter that is 8127 behind the greatest one, and refuses a counter that is 8193 behind it', () => {
    const { network, alice, bob } = connected();
    const held: Uint8Array[] = [];
    network.loses = ({ bytes }) => held.push(bytes) > 0;
    for (let i = 0; i < 8200; i++) alice.send(packetBetween(alice, bob));
    const receive = (index: number): DropReason | undefined =>
      bob.receive(held[index]?.slice() ?? new Uint8Array(0), alice.endpoint);
    expect(receive(8199)).toBeUndefined();
    expect(receive(8199 - 8127)).toBeUndefined();
    expect(receive(8199 - 8193)).toBe('replayed-counter');
  });

  it('does not let a forged message move the replay window', () => {
    const { network, alice, bob } = connected();
    const [first] = network.eavesdropper.of(TRANSPORT_DATA, alice);
    const forged = first?.bytes.slice() ?? new Uint8Array(0);
    new DataView(forged.buffer).setBigUint64(8, 1_000_000n, true);
    expect(bob.receive(forged, alice.endpoint)).toBe('invalid-tag');
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect(bob.packets).toHaveLength(2);
  });

  it('drops every kind of invalid datagram, with its reason', () => {
    const { network, alice, bob } = connected();
    alice.send(packetBetween(alice, bob, { length: 100 }));
    const good = network.eavesdropper.of(TRANSPORT_DATA, alice).at(-1)?.bytes;
    const broken = (change: (bytes: Uint8Array) => Uint8Array | void): DropReason | undefined => {
      const bytes = good?.slice() ?? new Uint8Array(0);
      return bob.receive(change(bytes) ?? bytes, alice.endpoint);
    };
    expect(broken((bytes) => bytes.subarray(0, 0))).toBe('too-short');
    expect(broken((bytes) => bytes.subarray(0, 3))).toBe('too-short');
    expect(broken((bytes) => bytes.subarray(0, 31))).toBe('wrong-length');
    expect(broken((bytes) => void (bytes[0] = 5))).toBe('unknown-message-type');
    expect(broken((bytes) => void (bytes[0] = 0))).toBe('unknown-message-type');
    for (const type of [1, 2, 3]) {
      expect(broken((bytes) => void (bytes[0] = type))).toBe('wrong-length');
    }
    for (const i of [1, 2, 3]) {
      expect(broken((bytes) => void (bytes[i] = 1))).toBe('reserved-bits-set');
    }
    expect(broken((bytes) => void (bytes[5] ^= 1))).toBe('unknown-index');
    expect(broken((bytes) => void bytes.fill(0xff, 8, 16))).toBe('counter-limit');
    expect(broken((bytes) => bytes.set([0, 0, 0, 0, 0, 0, 0x20, 0], 8))).toBe('counter-limit');
    expect(broken((bytes) => void (bytes[20] ^= 1))).toBe('invalid-tag');
    expect(broken((bytes) => void (bytes[bytes.length - 1] ^= 1))).toBe('invalid-tag');
    expect(broken((bytes) => bytes.subarray(0, bytes.length - 1))).toBe('invalid-tag');
    // Nothing was answered, and the valid message is still accepted.
    expect(network.eavesdropper.types(bob)).toEqual([2]);
    expect(broken(() => {})).toBeUndefined();
  });

  it('drops an authentic message with a malformed packet', () => {
    const { network, alice, bob } = connected();
    // Alice's engine checks only the version and the addresses of a packet.
    const liar = packetBetween(alice, bob, { length: 60 });
    new DataView(liar.buffer).setUint16(2, 1000);
    alice.send(liar);
    network.settle();
    expect(bob.engine.peer(alice.person.publicKey)?.drops).toEqual({ 'malformed-packet': 1 });
    expect(bob.packets).toHaveLength(1);
  });

  it('counts the bytes of both directions as on the wire', () => {
    const { network, alice, bob } = connected();
    bob.send(packetBetween(bob, alice));
    network.settle();
    const onWire = (sender: Pair['alice']): number =>
      network.eavesdropper.datagrams
        .filter(({ from }) => from.sameDestination(sender.endpoint))
        .reduce((sum, { bytes }) => sum + bytes.length, 0);
    const bobAtAlice = alice.engine.peer(bob.person.publicKey);
    expect(bobAtAlice).toMatchObject({ sentBytes: onWire(alice), receivedBytes: onWire(bob) });
    expect(alice.engine.stats).toMatchObject({ sentBytes: onWire(alice) });
    expect(bobAtAlice?.lastHandshakeUnixMs).toBe(1_704_067_200_000 + 1_000_020);
  });
});

describe('staged packets', () => {
  it('are sent in order when there is a session', () => {
    const { network, alice, bob } = createPair();
    const sent = [100, 200, 300].map((length) => packetBetween(alice, bob, { length }));
    for (const packet of sent) alice.send(packet);
    network.settle();
    expect(bob.packets).toEqual(sent);
    expect(network.eavesdropper.types()).toEqual([1, 2, 4, 4, 4]);
  });

  it('of the responder are sent when the session is confirmed', () => {
    const { network, alice, bob } = createPair();
    alice.send(packetBetween(alice, bob));
    network.drive(15);
    bob.send(packetBetween(bob, alice));
    network.settle();
    expect(alice.packets).toHaveLength(1);
    expect(bob.packets).toHaveLength(1);
    expect(network.eavesdropper.types(bob)).toEqual([2, 4]);
  });

  it('are 128 at most: the oldest are dropped and counted', () => {
    const { network, alice, bob } = createPair();
    const sent = Array.from({ length: 130 }, (_, i) =>
      packetBetween(alice, bob, { length: 100 + i }),
    );
    for (const packet of sent) alice.send(packet);
    network.settle();
    expect(bob.packets).toEqual(sent.slice(2));
    expect(alice.engine.peer(bob.person.publicKey)?.drops).toEqual({ 'staged-overflow': 2 });
  });
});

function connected(options: Parameters<typeof createPair>[0] = {}): Pair {
  const pair = createPair(options);
  connect(pair);
  return pair;
}
