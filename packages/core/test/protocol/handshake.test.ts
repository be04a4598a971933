import {
  connect,
  createPair,
  createPerson,
  introduce,
  joinNetwork,
  packetBetween,
} from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { stateOf } from '../../src/engine.ts';
import type { PresharedKey } from '../../src/index.ts';
import { MESSAGE_TYPE } from '../../src/internals.ts';

const { HANDSHAKE_INITIATION, HANDSHAKE_RESPONSE, TRANSPORT_DATA } = MESSAGE_TYPE;

describe('handshake', () => {
  it('takes one round trip, and then the packet that caused the handshake arrives', () => {
    const { network, alice, bob } = createPair();
    const packet = packetBetween(alice, bob);
    alice.send(packet);
    network.settle();
    expect(network.eavesdropper.types()).toEqual([
      HANDSHAKE_INITIATION,
      HANDSHAKE_RESPONSE,
      TRANSPORT_DATA,
    ]);
    expect(bob.packets).toEqual([packet]);
  });

  it('emits an event on both sides, with role and duration', () => {
    const pair = createPair({ latency: 25 });
    connect(pair);
    const { alice, bob } = pair;
    expect(alice.eventsOf('handshake')).toEqual([
      {
        type: 'handshake',
        peer: bob.person.publicKey,
        role: 'initiator',
        keys: { own: alice.person.publicKey, peer: bob.person.publicKey },
        durationMs: 50,
      },
    ]);
    expect(bob.eventsOf('handshake')).toMatchObject([{ role: 'responder' }]);
    expect(alice.eventsOf('session')).toMatchObject([{ state: 'up' }]);
    expect(bob.eventsOf('session')).toMatchObject([{ state: 'up' }]);
  });

  it('measures the round trip on both sides', () => {
    const pair = createPair({ latency: 25 });
    const { alice, bob } = pair;
    expect(alice.engine.peer(bob.person.publicKey)).not.toHaveProperty('roundTripMs');
    connect(pair);
    expect(alice.engine.peer(bob.person.publicKey)).toMatchObject({ roundTripMs: 50 });
    expect(bob.engine.peer(alice.person.publicKey)).toMatchObject({ roundTripMs: 50 });
  });

  it('does not measure the round trip as responder if the first data message was lost', () => {
    const { network, alice, bob } = createPair({ latency: 25 });
    network.loses = ({ bytes }) => bytes[0] === TRANSPORT_DATA;
    alice.send(packetBetween(alice, bob));
    network.settle();
    network.loses = () => false;
    alice.send(packetBetween(alice, bob));
    network.settle();
    const status = bob.engine.peer(alice.person.publicKey);
    expect(status).toMatchObject({ sessionUp: true, receivedMessages: 1 });
    expect(status).not.toHaveProperty('roundTripMs');
    expect(alice.engine.peer(bob.person.publicKey)).toMatchObject({ roundTripMs: 50 });
  });

  it('lets the responder send only after the first packet of the initiator', () => {
    const { network, alice, bob } = createPair();
    // The confirmation is lost, so bob has keys but may not use them.
    network.loses = ({ bytes }) => bytes[0] === TRANSPORT_DATA;
    alice.send(packetBetween(alice, bob));
    network.settle();
    bob.send(packetBetween(bob, alice));
    network.settle();
    expect(network.eavesdropper.of(TRANSPORT_DATA, bob)).toEqual([]);
    expect(bob.eventsOf('session')).toEqual([]);

    network.loses = () => false;
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect(bob.eventsOf('session')).toMatchObject([{ state: 'up' }]);
    expect(alice.packets).toHaveLength(1);
  });

  it('does not replace the session in use before the new session is confirmed', () => {
    const pair = createPair();
    const { network, alice, bob } = pair;
    connect(pair);
    network.drive(121_000);
    // Bob receives the new initiation, but his response is lost.
    network.loses = ({ bytes }) => bytes[0] === HANDSHAKE_RESPONSE;
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect(network.eavesdropper.of(HANDSHAKE_RESPONSE, bob)).toHaveLength(2);
    const received = alice.packets.length;
    bob.send(packetBetween(bob, alice));
    network.settle();
    expect(alice.packets).toHaveLength(received + 1);
  });

  it('is confirmed with a keepalive when no packet waits', () => {
    const { network, alice, bob } = createPair({ bobAsPeer: { persistentKeepalive: 25 } });
    network.settle();
    expect(network.eavesdropper.types()).toEqual([1, 2, 4]);
    expect(network.eavesdropper.of(TRANSPORT_DATA, alice)[0]?.bytes).toHaveLength(32);
    expect(bob.engine.peer(alice.person.publicKey)?.sessionUp).toBe(true);
  });

  it('leads to a session that both sides use, when both begin together', () => {
    for (let seed = 1; seed <= 5; seed++) {
      const { network, alice, bob } = createPair({ seed });
      alice.send(packetBetween(alice, bob));
      bob.send(packetBetween(bob, alice));
      network.drive(30_000);
      expect(bob.packets).toHaveLength(1);
      expect(alice.packets).toHaveLength(1);
      network.eavesdropper.forget();
      alice.send(packetBetween(alice, bob));
      bob.send(packetBetween(bob, alice));
      network.settle();
      // There is no further handshake, and each side receives from the other side.
      expect(network.eavesdropper.types()).toEqual([4, 4]);
      expect(alice.packets).toHaveLength(2);
      expect(bob.packets).toHaveLength(2);
    }
  });

  it('leads to a session at once when both sides begin together, whichever handshake message is lost', () => {
    // Any one of the four messages that cross may be lost. The packets still arrive.
    for (const lost of [-1, 0, 1, 2, 3]) {
      const { network, alice, bob } = createPair();
      let messages = 0;
      network.loses = ({ bytes }) => bytes[0] !== 4 && messages++ === lost;
      alice.send(packetBetween(alice, bob));
      bob.send(packetBetween(bob, alice));
      network.settle();
      expect([lost, bob.packets.length, alice.packets.length]).toEqual([lost, 1, 1]);
      alice.send(packetBetween(alice, bob));
      bob.send(packetBetween(bob, alice));
      network.settle();
      expect([lost, bob.packets.length, alice.packets.length]).toEqual([lost, 2, 2]);
      // No handshake is left in progress.
      for (const { engine } of [alice, bob]) {
        const [peer] = stateOf(engine).peers.values();
        expect(peer.pair?.handshake.state).toBe('zeroed');
        expect(peer.pair?.index).toBe(-1);
      }
    }
  });

  it('leads to a session at once when both sides wake after a long sleep with packets to send', () => {
    const pair = createPair();
    const { network, alice, bob } = pair;
    connect(pair);
    network.now += 200_000;
    for (const node of [alice, bob]) node.timeout();
    alice.send(packetBetween(alice, bob));
    bob.send(packetBetween(bob, alice));
    const before = network.now;
    network.settle();
    expect(bob.packets).toHaveLength(2);
    expect(alice.packets).toHaveLength(1);
    expect(network.now - before).toBeLessThan(100);
  });

  it('succeeds with a peer that forgets its own initiation when it answers ours', () => {
    const { network, alice, bob } = createPair();
    alice.send(packetBetween(alice, bob));
    bob.send(packetBetween(bob, alice));
    // The kernel and wireguard-go keep one handshake for both roles, so they forget their
    // initiation.
    const [alicesPeer] = stateOf(bob.engine).peers.values();
    network.step();
    alicesPeer.pair!.handshake.clear();
    network.settle();
    expect(alice.packets).toHaveLength(1);
    expect(bob.packets).toHaveLength(1);
  });

  it('uses DSCP AF41 for handshake messages, and none for transport messages', () => {
    const pair = createPair();
    connect(pair);
    expect(pair.network.eavesdropper.datagrams.map(({ tos }) => tos)).toEqual([0x88, 0x88, 0]);
  });

  it('uses a new sender index for every handshake, and frees the old ones', () => {
    const pair = createPair();
    const { network, alice, bob } = pair;
    const seen = new Set<string>();
    for (let i = 0; i < 8; i++) {
      connect(pair);
      network.drive(121_000);
    }
    for (const { bytes } of network.eavesdropper.of(HANDSHAKE_INITIATION)) {
      seen.add(bytes.subarray(4, 8).join(' '));
    }
    expect(seen.size).toBe(network.eavesdropper.of(HANDSHAKE_INITIATION).length);
    expect(seen.size).toBeGreaterThanOrEqual(8);
    network.drive(600_000);
    // All sessions have been wiped, so an old datagram finds none.
    const old = network.eavesdropper.of(TRANSPORT_DATA, alice)[0];
    expect(bob.receive(old?.bytes.slice() ?? new Uint8Array(0), alice.endpoint)).toBe(
      'unknown-index',
    );
  });

  it('does not begin with an initiation that was received before', () => {
    const pair = createPair();
    const { network, alice, bob } = pair;
    connect(pair);
    const [initiation] = network.eavesdropper.of(HANDSHAKE_INITIATION);
    network.drive(1000);
    const again = initiation?.bytes.slice() ?? new Uint8Array(0);
    expect(bob.receive(again, alice.endpoint)).toBe('replayed-initiation');
    expect(bob.engine.stats.drops.count('replayed-initiation')).toBe(1);
    expect(bob.engine.peer(alice.person.publicKey)?.drops).toEqual({ 'replayed-initiation': 1 });
  });

  it('does not begin with an initiation less than 20 ms after the peer’s last initiation', () => {
    let unix = 1_700_000_000_000;
    const unixTime = (): number => (unix += 1000);
    const { network, alice, bob } = createPair({ alice: { unixTime } });
    alice.send(packetBetween(alice, bob));
    // Alice's engine would have to wait 5 s before its next initiation. A second engine with the
    // same key initiates at once.
    const twin = joinNetwork(network, { ...alice.person, number: 9 }, { unixTime });
    twin.endpoint = createPerson(9).endpoint;
    introduce(twin, bob.person);
    twin.send(packetBetween(alice, bob));
    network.settle();
    expect(bob.engine.stats.drops.count('initiation-flood')).toBe(1);
  });

  it('works after the wall clock goes back', () => {
    let unix = 1_700_000_000_000;
    const pair = createPair({ alice: { unixTime: () => unix } });
    const { network, bob } = pair;
    connect(pair);
    network.drive(200_000);
    unix -= 10 * 365 * 86_400_000;
    connect(pair);
    expect(bob.packets).toHaveLength(2);
    expect(bob.engine.stats.drops.toJSON()).toEqual({});
  });

  it('needs the same preshared key on both sides', () => {
    const presharedKey = new Uint8Array(32).fill(7) as PresharedKey;
    const same = createPair({ bobAsPeer: { presharedKey }, aliceAsPeer: { presharedKey } });
    connect(same);
    expect(same.bob.packets).toHaveLength(1);
    const different = createPair({ bobAsPeer: { presharedKey } });
    connect(different);
    expect(different.bob.packets).toHaveLength(0);
    expect(different.alice.engine.stats.drops.count('invalid-handshake')).toBe(1);
  });

  it('treats an all-zero preshared key as no preshared key', () => {
    const presharedKey = new Uint8Array(32) as PresharedKey;
    const pair = createPair({ bobAsPeer: { presharedKey } });
    connect(pair);
    expect(pair.bob.packets).toHaveLength(1);
    expect(pair.alice.engine.peer(pair.bob.person.publicKey)).not.toHaveProperty('presharedKey');
  });

  it('is not completed by a response that was received before', () => {
    const pair = createPair();
    const { network, alice, bob } = pair;
    connect(pair);
    const [response] = network.eavesdropper.of(HANDSHAKE_RESPONSE);
    const again = response?.bytes.slice() ?? new Uint8Array(0);
    expect(alice.receive(again, bob.endpoint)).toBe('unknown-index');
  });

  it('does not begin with an initiation of an unknown peer', () => {
    const { network, bob } = createPair();
    const mallory = joinNetwork(network, createPerson(3));
    introduce(mallory, bob.person);
    mallory.send(packetBetween(mallory, bob));
    network.settle();
    expect(network.eavesdropper.types()).toEqual([1]);
    expect(bob.engine.stats.drops.count('unknown-peer')).toBe(1);
  });

  it('does not begin on a side without a private key, which drops all messages and packets', () => {
    const { network, alice, bob } = createPair();
    bob.input((engine, now) => engine.configure({ privateKey: null }, now));
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect(bob.engine.stats.drops.count('no-private-key')).toBe(1);
    expect(bob.send(packetBetween(bob, alice))).toBe('peer-unusable');
  });
});
