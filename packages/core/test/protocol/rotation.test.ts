/**
 * Tests of static keys that are replaced while packets flow. For a while, a device has two
 * identities, and its peers know two keys of it.
 *
 * @module
 */
import {
  connect,
  createPair,
  createPerson,
  introduce,
  joinNetwork,
  packetBetween,
  SimulatedNetwork,
  type Pair,
} from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import {
  Endpoint,
  nobleProvider,
  type CryptoProvider,
  type EngineChange,
  type EngineOptions,
  type PublicKey,
} from '../../src/index.ts';
import { MESSAGE_TYPE } from '../../src/internals.ts';
import { toyProvider } from './toy-provider.ts';

const { HANDSHAKE_INITIATION, TRANSPORT_DATA } = MESSAGE_TYPE;

type Node = Pair['alice'];

/** The next identities of alice and bob. */
const ALICE_2 = createPerson(11);
const BOB_2 = createPerson(12);

describe('a next identity', () => {
  it('probes a peer once per Rekey-Timeout while the peer does not know this identity', () => {
    const { network, alice, bob } = connected();
    network.eavesdropper.forget();
    configure(alice, { nextPrivateKey: ALICE_2.privateKey });
    network.drive(60_000);
    const sent = network.eavesdropper.of(HANDSHAKE_INITIATION, alice).map(({ at }) => at);
    expect(sent.length).toBeGreaterThanOrEqual(11);
    for (let i = 1; i < sent.length; i++) {
      const gap = sent[i] - sent[i - 1];
      expect(gap).toBeGreaterThanOrEqual(5000);
      expect(gap).toBeLessThanOrEqual(5333);
    }
    expect(bob.engine.stats.drops.count('unknown-peer')).toBe(sent.length);
  });

  it('gets a session with a peer that knows it, even if no packet waits', () => {
    const { network, alice, bob } = connected();
    knowNext(bob, alice, ALICE_2.publicKey);
    configure(alice, { nextPrivateKey: ALICE_2.privateKey });
    network.drive(100);
    expect(sessionOf(alice, bob)).toEqual([ALICE_2.publicKey, bob.person.publicKey]);
    expect(sessionOf(bob, alice)).toEqual([bob.person.publicKey, ALICE_2.publicKey]);
    expect(alice.eventsOf('session').at(-1)).toMatchObject({ state: 'renewed' });
    expect(alice.eventsOf('handshake').at(-1)?.keys).toEqual({
      own: ALICE_2.publicKey,
      peer: bob.person.publicKey,
    });
    // Each side still names the other by its first key.
    expect(bob.eventsOf('handshake').at(-1)?.peer).toEqual(alice.person.publicKey);
    alice.send(packetBetween(alice, bob));
    bob.send(packetBetween(bob, alice));
    network.settle();
    expect([alice.packets.length, bob.packets.length]).toEqual([1, 2]);
  });

  it('gets a session as soon as the peer knows it, and then stops its probes', () => {
    const { network, alice, bob } = connected();
    configure(alice, { nextPrivateKey: ALICE_2.privateKey });
    network.drive(7000);
    knowNext(bob, alice, ALICE_2.publicKey);
    network.drive(5400);
    expect(sessionOf(alice, bob)[0]).toEqual(ALICE_2.publicKey);
    network.eavesdropper.forget();
    network.drive(100_000);
    expect(network.eavesdropper.of(HANDSHAKE_INITIATION)).toEqual([]);
  });

  it('is the only identity used with a peer that has answered', () => {
    const { network, alice, bob } = rotating();
    for (let i = 0; i < 4; i++) {
      network.drive(125_000);
      alice.send(packetBetween(alice, bob));
      bob.send(packetBetween(bob, alice));
      network.settle();
      expect(sessionOf(alice, bob)[0]).toEqual(ALICE_2.publicKey);
      expect(sessionOf(bob, alice)[1]).toEqual(ALICE_2.publicKey);
    }
    expect(alice.engine.stats.completedHandshakes).toBeGreaterThan(4);
    // The peer also initiates to the next identity.
    network.drive(200_000);
    bob.send(packetBetween(bob, alice));
    network.settle();
    expect(alice.eventsOf('handshake').at(-1)).toMatchObject({ role: 'responder' });
    expect(sessionOf(alice, bob)[0]).toEqual(ALICE_2.publicKey);
  });

  it('neither delays a renewal by the old identity nor drops staged packets while the peer does not answer its probes', () => {
    const { network, alice, bob } = connected();
    const start = network.now;
    configure(alice, { nextPrivateKey: ALICE_2.privateKey });
    // One packet each 100 ms. Alice renews the session with the first packet after 120 s.
    for (let i = 0; i < 1300; i++) {
      alice.send(packetBetween(alice, bob));
      network.drive(100);
    }
    expect(bob.packets).toHaveLength(1301);
    const [, renewed] = alice.eventsOf('handshake');
    expect(renewed?.keys.own).toEqual(alice.person.publicKey);
    const renewals = alice.events.filter(
      (event) => event.type === 'session' && event.state === 'renewed',
    );
    expect(renewals).toHaveLength(1);
    expect(network.now - start).toBe(130_000);
    expect(alice.engine.peer(bob.person.publicKey)?.drops).toEqual({});
  });

  it('sends probes that do not count as initiations of the old identity’s attempt', () => {
    const { network, alice, bob } = createPair();
    configure(alice, { nextPrivateKey: ALICE_2.privateKey });
    network.loses = () => true;
    network.eavesdropper.forget();
    const start = network.now;
    alice.send(packetBetween(alice, bob));
    network.driveUntil(() => alice.eventsOf('handshake-failed').length > 0);
    expect(network.now - start).toBeGreaterThan(90_000);
    expect(network.now - start).toBeLessThan(110_000);
    expect(alice.engine.stats.drops.count('handshake-timeout')).toBe(1);
    // The attempt of the old identity has sent 20 initiations.
    const probes = alice.engine.stats.sentInitiations - 20;
    expect(probes).toBeGreaterThanOrEqual(18);
    expect(probes).toBeLessThanOrEqual(21);
    // The probes continue after the attempt has ended.
    const before = alice.engine.stats.sentInitiations;
    network.drive(11_000);
    expect(alice.engine.stats.sentInitiations).toBeGreaterThanOrEqual(before + 2);
  });

  it('sends probes that do not count as keepalives: a keepalive that is due is sent all the same', () => {
    const { network, alice, bob } = connected();
    bob.send(packetBetween(bob, alice));
    network.settle();
    configure(alice, { nextPrivateKey: ALICE_2.privateKey });
    network.eavesdropper.forget();
    network.drive(10_100);
    expect(network.eavesdropper.of(TRANSPORT_DATA, alice)).toHaveLength(1);
  });

  it('probes a peer without a session, also one that gets its endpoint later', () => {
    const pair = createPair({ bobAsPeer: { endpoint: undefined as never } });
    const { network, alice, bob } = pair;
    knowNext(bob, alice, ALICE_2.publicKey);
    configure(alice, { nextPrivateKey: ALICE_2.privateKey });
    expect(alice.engine.pollTimeout()).toBe(Infinity);
    const { publicKey, endpoint } = bob.person;
    configure(alice, { peers: [{ publicKey, endpoint }] });
    network.drive(100);
    expect(sessionOf(alice, bob)[0]).toEqual(ALICE_2.publicKey);
  });

  it('probes again after the link was down', () => {
    const { network, alice, bob } = connected();
    configure(alice, { nextPrivateKey: ALICE_2.privateKey });
    alice.input((engine, now) => engine.linkDown(now));
    expect(alice.engine.pollTimeout()).toBe(Infinity);
    knowNext(bob, alice, ALICE_2.publicKey);
    alice.input((engine, now) => engine.linkUp(now));
    network.drive(100);
    expect(sessionOf(alice, bob)[0]).toEqual(ALICE_2.publicKey);
  });

  it('is replaced by the old identity when the peer has forgotten the next key, and probes again', () => {
    const { network, alice, bob } = rotating();
    // Bob restarts, and knows only alice's first key.
    configure(bob, { replacePeers: true });
    introduce(bob, alice.person);
    bob.send(packetBetween(bob, alice));
    network.settle();
    expect(sessionOf(alice, bob)[0]).toEqual(alice.person.publicKey);
    knowNext(bob, alice, ALICE_2.publicKey);
    network.drive(5400);
    expect(sessionOf(alice, bob)[0]).toEqual(ALICE_2.publicKey);
  });

  it('lets the old identity initiate when a peer that had answered is silent for long', () => {
    const { network, alice, bob } = rotating();
    configure(bob, { replacePeers: true });
    introduce(bob, alice.person);
    network.drive(200_000);
    alice.send(packetBetween(alice, bob));
    network.drive(22_000);
    expect(bob.packets).toHaveLength(2);
    expect(sessionOf(alice, bob)[0]).toEqual(alice.person.publicKey);
  });

  it('probes the peers 10 ms apart', () => {
    const network = new SimulatedNetwork();
    const node = joinNetwork(network, createPerson(1), { crypto: toyProvider() });
    const peers = Array.from({ length: 200 }, (_, i) => ({
      publicKey: toyKey(i),
      endpoint: `192.0.2.200:${2000 + i}`,
    }));
    configure(node, { peers, nextPrivateKey: ALICE_2.privateKey });
    const start = network.now;
    network.drive(4900);
    const sent = network.eavesdropper.of(HANDSHAKE_INITIATION);
    expect(new Set(sent.map(({ to }) => to.port)).size).toBe(200);
    expect(sent.map(({ at }) => at - start)).toEqual(sent.map((_, i) => i * 10));
    // The next probes are spread too, and none of them is early.
    network.drive(5000);
    expect(network.eavesdropper.of(HANDSHAKE_INITIATION)).toHaveLength(400);
  });
});

describe('the next private key, set as private key,', () => {
  it('keeps all sessions and forgets the old key', () => {
    const { network, alice, bob } = rotating();
    const handshakes = alice.engine.stats.completedHandshakes;
    configure(alice, { privateKey: ALICE_2.privateKey });
    expect(alice.engine.publicKey).toEqual(ALICE_2.publicKey);
    expect(alice.engine.nextPublicKey).toBeUndefined();
    expect(alice.engine.nextPrivateKey).toBeUndefined();
    alice.send(packetBetween(alice, bob));
    bob.send(packetBetween(bob, alice));
    network.settle();
    expect([alice.packets.length, bob.packets.length]).toEqual([1, 2]);
    expect(alice.engine.stats.completedHandshakes).toBe(handshakes);
    // An initiation to the old key is dropped.
    configure(bob, { replacePeers: true });
    introduce(bob, alice.person);
    bob.send(packetBetween(bob, alice));
    network.settle();
    expect(alice.engine.stats.drops.count('bad-mac1')).toBe(1);
  });

  it('also keeps the session of a peer that has not answered', () => {
    const { network, alice, bob } = connected();
    configure(alice, { nextPrivateKey: ALICE_2.privateKey });
    configure(alice, { privateKey: ALICE_2.privateKey });
    alice.send(packetBetween(alice, bob));
    bob.send(packetBetween(bob, alice));
    network.settle();
    expect([alice.packets.length, bob.packets.length]).toEqual([1, 2]);
    expect(sessionOf(alice, bob)[0]).toEqual(alice.person.publicKey);
    // The next handshake uses the new key.
    knowNext(bob, alice, ALICE_2.publicKey);
    network.drive(121_000);
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect(sessionOf(alice, bob)[0]).toEqual(ALICE_2.publicKey);
  });

  it('changes nothing when it is set again, and our own key cannot be the next key', () => {
    const { alice } = rotating();
    configure(alice, { privateKey: ALICE_2.privateKey });
    const before = alice.events.length;
    configure(alice, { privateKey: ALICE_2.privateKey, nextPrivateKey: ALICE_2.privateKey });
    expect(alice.engine.nextPublicKey).toBeUndefined();
    expect(alice.events).toHaveLength(before);
  });

  it('can be set together with a new next key', () => {
    const { network, alice, bob } = rotating();
    const third = createPerson(21);
    configure(alice, { privateKey: ALICE_2.privateKey, nextPrivateKey: third.privateKey });
    configure(bob, { peers: [{ publicKey: alice.person.publicKey, promotePublicKey: true }] });
    const { publicKey } = ALICE_2;
    configure(bob, { peers: [{ publicKey, nextPublicKey: third.publicKey }] });
    network.drive(5400);
    expect(alice.engine.publicKey).toEqual(ALICE_2.publicKey);
    expect(alice.engine.peer(bob.person.publicKey)?.sessionStaticKeys?.own).toEqual(
      third.publicKey,
    );
  });
});

describe('any other private key', () => {
  it('ends the sessions of the old key, and keeps the next key and its sessions', () => {
    const { network, alice, bob } = rotating();
    configure(alice, { privateKey: createPerson(21).privateKey });
    expect(alice.engine.nextPublicKey).toEqual(ALICE_2.publicKey);
    expect(alice.eventsOf('session').at(-1)).not.toMatchObject({ state: 'expired' });
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect(bob.packets).toHaveLength(2);
    configure(alice, { privateKey: null });
    expect(alice.engine.nextPublicKey).toBeUndefined();
    expect(alice.eventsOf('session').at(-1)).toMatchObject({ state: 'expired' });
  });

  it('that was the next key until its removal also ends the sessions of the old key', () => {
    const { network, alice, bob } = connected();
    configure(alice, { nextPrivateKey: ALICE_2.privateKey });
    configure(alice, { nextPrivateKey: null });
    configure(alice, { privateKey: ALICE_2.privateKey });
    expect(alice.eventsOf('session').at(-1)).toMatchObject({ state: 'expired' });
    network.eavesdropper.forget();
    alice.send(packetBetween(alice, bob));
    expect(network.eavesdropper.types(alice)).toEqual([HANDSHAKE_INITIATION]);
    // Initiations to the old key are dropped.
    bob.send(packetBetween(bob, alice));
    network.drive(200_000);
    bob.send(packetBetween(bob, alice));
    network.settle();
    expect(alice.engine.stats.drops.count('bad-mac1')).toBeGreaterThan(0);
  });
});

describe('a next private key', () => {
  it('loses all its sessions when another next key replaces it, and the old identity is used again', () => {
    const { network, alice, bob } = rotating();
    const third = createPerson(21);
    configure(alice, { nextPrivateKey: third.privateKey });
    expect(alice.eventsOf('session').at(-1)).toMatchObject({ state: 'expired' });
    alice.send(packetBetween(alice, bob));
    network.drive(5400);
    expect(bob.packets).toHaveLength(2);
    expect(sessionOf(alice, bob)[0]).toEqual(alice.person.publicKey);
    knowNext(bob, alice, third.publicKey);
    network.drive(5400);
    expect(sessionOf(alice, bob)[0]).toEqual(third.publicKey);
    expect(sessionOf(bob, alice)[1]).toEqual(third.publicKey);
  });

  it('loses all its sessions when it is removed', () => {
    const { network, alice, bob } = rotating();
    configure(alice, { nextPrivateKey: null });
    network.eavesdropper.forget();
    alice.send(packetBetween(alice, bob));
    network.drive(5400);
    expect(bob.packets).toHaveLength(2);
    expect(sessionOf(alice, bob)[0]).toEqual(alice.person.publicKey);
    network.drive(60_000);
    expect(network.eavesdropper.of(HANDSHAKE_INITIATION)).toHaveLength(1);
  });

  it('requires a private key', () => {
    const node = joinNetwork(new SimulatedNetwork(), createPerson(1));
    const nextPrivateKey = ALICE_2.privateKey;
    const message = '"nextPrivateKey" expected a device with a private key: set "privateKey" first';
    expect(() => configure(node, { privateKey: null, nextPrivateKey })).toThrow(message);
    configure(node, { privateKey: null });
    expect(() => configure(node, { nextPrivateKey })).toThrow(message);
    configure(node, { nextPrivateKey: null });
    // A key that its owner has wiped is refused. Only null removes a key.
    const wiped = new Uint8Array(32) as never;
    expect(() => configure(node, { nextPrivateKey: wiped })).toThrow('got all zeros');
    expect(() => configure(node, { nextPrivateKey: 'AAAA' })).toThrow('"nextPrivateKey"');
  });
});

describe('the next public key of a peer', () => {
  it('identifies the same peer as its public key', () => {
    const { alice, bob } = rotating();
    const byNext = bob.engine.peer(ALICE_2.publicKey);
    expect(byNext).toEqual(bob.engine.peer(alice.person.publicKey));
    expect(byNext).toMatchObject({
      publicKey: alice.person.publicKey,
      nextPublicKey: ALICE_2.publicKey,
    });
    expect(bob.engine.peers()).toHaveLength(1);
    expect(bob.engine.hasPeer(ALICE_2.publicKey)).toBe(true);
  });

  it('keeps session, allowed IPs and counters when it is promoted', () => {
    const { network, alice, bob } = rotating();
    const before = bob.engine.peer(alice.person.publicKey)!;
    const { publicKey } = alice.person;
    configure(bob, { peers: [{ publicKey, promotePublicKey: true }] });
    const { nextPublicKey: _, ...rest } = before;
    expect(bob.engine.peers()).toEqual([{ ...rest, publicKey: ALICE_2.publicKey }]);
    expect(bob.engine.peer(publicKey)).toBeUndefined();
    bob.send(packetBetween(bob, alice));
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect([alice.packets.length, bob.packets.length]).toEqual([1, 2]);
    // A second promotion changes nothing, because no peer has the old key.
    configure(bob, { peers: [{ publicKey, promotePublicKey: true }] });
    configure(bob, { peers: [{ publicKey: ALICE_2.publicKey, promotePublicKey: true }] });
    expect(bob.engine.peers()).toHaveLength(1);
  });

  it('becomes the key of the peer, and keeps the session, when it is set and promoted in one change', () => {
    const { network, alice, bob } = connected();
    const { publicKey } = alice.person;
    const change = { publicKey, nextPublicKey: ALICE_2.publicKey, promotePublicKey: true };
    configure(bob, { peers: [change] });
    bob.send(packetBetween(bob, alice));
    network.settle();
    expect(alice.packets).toHaveLength(1);
    expect(bob.engine.peers().map((peer) => peer.publicKey)).toEqual([ALICE_2.publicKey]);
  });

  it('is promoted if a change names the peer by this key; a change that also has remove removes only this key', () => {
    const { alice, bob } = rotating();
    const { publicKey } = ALICE_2;
    configure(bob, { peers: [{ publicKey, persistentKeepalive: 25 }] });
    expect(bob.engine.peers()).toMatchObject([
      { publicKey, persistentKeepalive: 25, sessionUp: true },
    ]);
    const third = createPerson(21);
    knowNext(bob, { person: { ...alice.person, publicKey } }, third.publicKey);
    configure(bob, { peers: [{ publicKey: third.publicKey, remove: true }] });
    expect(bob.engine.peers()).toMatchObject([{ publicKey, sessionUp: true }]);
    expect(bob.engine.peers()[0]).not.toHaveProperty('nextPublicKey');
  });

  it('works with wg syncconf and a file that contains only the next key', () => {
    for (const order of ['removed first', 'added first']) {
      const { network, alice, bob } = rotating();
      const old = { publicKey: alice.person.publicKey, remove: true };
      const { endpoint, ipv4: address } = alice.person;
      const allowedIps = [{ address, prefixLength: 32 }];
      const now = { publicKey: ALICE_2.publicKey, endpoint, replaceAllowedIps: true, allowedIps };
      configure(bob, { peers: order === 'removed first' ? [old, now] : [now, old] });
      expect(bob.engine.peers().map(({ publicKey }) => publicKey)).toEqual([ALICE_2.publicKey]);
      bob.send(packetBetween(bob, alice));
      network.drive(6000);
      expect([order, alice.packets.length]).toEqual([order, 1]);
    }
  });

  it('is removed when all peers are replaced, and kept by a change that does not name it', () => {
    const { alice, bob } = rotating();
    const { publicKey } = alice.person;
    configure(bob, { peers: [{ publicKey, persistentKeepalive: 5 }] });
    expect(bob.engine.peers()).toMatchObject([{ nextPublicKey: ALICE_2.publicKey }]);
    configure(bob, { replacePeers: true, peers: [{ publicKey }] });
    expect(bob.engine.peers()[0]).not.toHaveProperty('nextPublicKey');
    expect(bob.engine.hasPeer(ALICE_2.publicKey)).toBe(false);
  });

  it('loses its sessions when it is removed or replaced', () => {
    for (const nextPublicKey of [null, createPerson(21).publicKey, alicesZeroKey()]) {
      const { network, alice, bob } = rotating();
      configure(bob, { peers: [{ publicKey: alice.person.publicKey, nextPublicKey }] });
      expect(bob.eventsOf('session').at(-1)).toMatchObject({ state: 'expired' });
      alice.send(packetBetween(alice, bob));
      network.settle();
      expect(bob.engine.stats.drops.count('unknown-index')).toBe(1);
      expect(bob.packets).toHaveLength(1);
    }
  });

  it('is ignored if it is our key or our next key, or if it belongs to another peer', () => {
    const { alice, bob } = connected();
    const carol = createPerson(3);
    introduce(bob, carol);
    configure(bob, { nextPrivateKey: BOB_2.privateKey });
    const { publicKey } = alice.person;
    for (const key of [bob.person, BOB_2, carol, alice.person]) {
      configure(bob, { peers: [{ publicKey, nextPublicKey: key.publicKey }] });
      expect(bob.engine.peer(publicKey)).not.toHaveProperty('nextPublicKey');
    }
    expect(bob.engine.peers()).toHaveLength(2);
  });

  it('is removed when it becomes our own key', () => {
    const { alice, bob } = rotating();
    configure(bob, { peers: [{ publicKey: BOB_2.publicKey }] });
    configure(bob, { nextPrivateKey: BOB_2.privateKey });
    expect(bob.engine.peers().map(({ publicKey }) => publicKey)).toEqual([alice.person.publicKey]);
    configure(bob, { peers: [{ publicKey: BOB_2.publicKey }] });
    expect(bob.engine.peers()).toHaveLength(1);
    configure(bob, { nextPrivateKey: ALICE_2.privateKey });
    expect(bob.engine.peers()[0]).not.toHaveProperty('nextPublicKey');
    expect(bob.engine.peers()).toHaveLength(1);
  });

  it('is checked, and has no effect if it is a low-order point', () => {
    const { network, alice, bob } = connected();
    const { publicKey } = alice.person;
    expect(() => configure(bob, { peers: [{ publicKey, nextPublicKey: 'x' }] })).toThrow(
      '"peers[0].nextPublicKey"',
    );
    expect(() => configure(bob, { peers: [{ publicKey, promotePublicKey: 1 as never }] })).toThrow(
      '"peers[0].promotePublicKey"',
    );
    const lowOrder = new Uint8Array(32);
    lowOrder[0] = 1;
    configure(bob, { nextPrivateKey: BOB_2.privateKey });
    configure(bob, { peers: [{ publicKey, nextPublicKey: lowOrder as PublicKey }] });
    network.drive(30_000);
    bob.send(packetBetween(bob, alice));
    network.settle();
    expect(alice.packets).toHaveLength(1);
  });
});

describe('the keys of both sides', () => {
  it('give a session with each of the four pairs', () => {
    for (const own of [0, 1]) {
      for (const other of [0, 1]) {
        const { network, alice, bob } = createPair();
        const nextOfBob = BOB_2.publicKey;
        configure(alice, {
          peers: [{ publicKey: bob.person.publicKey, nextPublicKey: nextOfBob }],
        });
        knowNext(bob, alice, ALICE_2.publicKey);
        // Each side has one identity, and the other side knows two keys and accepts both.
        if (own === 1) configure(alice, { privateKey: ALICE_2.privateKey });
        if (other === 1) configure(bob, { privateKey: BOB_2.privateKey });
        alice.send(packetBetween(alice, bob));
        network.drive(22_000);
        expect([own, other, bob.packets.length]).toEqual([own, other, 1]);
        const keys = [own === 1 ? ALICE_2 : alice.person, other === 1 ? BOB_2 : bob.person];
        expect(sessionOf(alice, bob)).toEqual(keys.map(({ publicKey }) => publicKey));
        expect(sessionOf(bob, alice)).toEqual(keys.map(({ publicKey }) => publicKey).toReversed());
      }
    }
  });

  it('can be replaced on both sides at the same time', () => {
    const { network, alice, bob } = connected();
    configure(alice, {
      peers: [{ publicKey: bob.person.publicKey, nextPublicKey: BOB_2.publicKey }],
    });
    knowNext(bob, alice, ALICE_2.publicKey);
    configure(alice, { nextPrivateKey: ALICE_2.privateKey });
    configure(bob, { nextPrivateKey: BOB_2.privateKey });
    network.drive(6000);
    expect(sessionOf(alice, bob)[0]).toEqual(ALICE_2.publicKey);
    expect(sessionOf(bob, alice)[0]).toEqual(BOB_2.publicKey);
    configure(alice, { privateKey: ALICE_2.privateKey });
    configure(bob, { privateKey: BOB_2.privateKey });
    configure(alice, { peers: [{ publicKey: bob.person.publicKey, promotePublicKey: true }] });
    configure(bob, { peers: [{ publicKey: alice.person.publicKey, promotePublicKey: true }] });
    network.drive(130_000);
    alice.send(packetBetween(alice, bob));
    bob.send(packetBetween(bob, alice));
    network.settle();
    expect([alice.packets.length, bob.packets.length]).toEqual([1, 2]);
    expect(alice.engine.peers()[0]?.sessionStaticKeys).toEqual({
      own: ALICE_2.publicKey,
      peer: BOB_2.publicKey,
    });
  });
});

describe('the greatest timestamp', () => {
  it('is kept for each pair of keys, so a new key helps after the clock was set back', () => {
    const network = new SimulatedNetwork();
    let clock = 1_800_000_000_000;
    const alice = joinNetwork(network, createPerson(1), { unixTime: () => clock });
    const bob = joinNetwork(network, createPerson(2));
    introduce(alice, bob.person);
    introduce(bob, alice.person);
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect(bob.packets).toHaveLength(1);
    // Alice restarts with her key, and her clock is an hour behind.
    clock -= 3_600_000;
    network.nodes.splice(0, 1);
    const again = joinNetwork(network, createPerson(1), { unixTime: () => clock });
    introduce(again, bob.person);
    again.send(packetBetween(again, bob));
    network.drive(20_000);
    expect(bob.packets).toHaveLength(1);
    expect(bob.engine.peer(alice.person.publicKey)?.drops['replayed-initiation']).toBe(4);
    knowNext(bob, alice, ALICE_2.publicKey);
    configure(again, { nextPrivateKey: ALICE_2.privateKey });
    network.drive(100);
    expect(bob.packets).toHaveLength(2);
    expect(sessionOf(again, bob)[0]).toEqual(ALICE_2.publicKey);
  });

  it('of one pair does not admit an old initiation of another pair', () => {
    const { network, alice, bob } = connected();
    const [initiation] = network.eavesdropper.of(HANDSHAKE_INITIATION, alice);
    knowNext(bob, alice, ALICE_2.publicKey);
    configure(alice, { nextPrivateKey: ALICE_2.privateKey });
    network.drive(100);
    const probe = network.eavesdropper.of(HANDSHAKE_INITIATION, alice).at(-1);
    for (const { bytes } of [initiation, probe!]) {
      expect(bob.receive(bytes.slice(), alice.endpoint)).toBe('replayed-initiation');
    }
  });
});

describe('mac1', () => {
  it('is computed once for a message while there is one identity, and at most twice while there are two', () => {
    let macs = 0;
    const counting: CryptoProvider = {
      ...nobleProvider,
      mac: (...all) => {
        macs++;
        nobleProvider.mac(...all);
      },
    };
    const { network, alice, bob } = createPair({ bob: { crypto: counting } });
    alice.send(packetBetween(alice, bob));
    const [initiation] = network.eavesdropper.of(HANDSHAKE_INITIATION);
    const receive = (bytes: Uint8Array): number => {
      macs = 0;
      bob.receive(bytes.slice(), alice.endpoint);
      return macs;
    };
    // One mac is the mac1 of the initiation, and the other is the mac1 of the response.
    expect(receive(initiation.bytes)).toBe(2);
    const broken = initiation.bytes.slice();
    broken[130] ^= 1;
    expect(receive(broken)).toBe(1);
    configure(bob, { nextPrivateKey: BOB_2.privateKey });
    expect(receive(broken)).toBe(2);
    expect(receive(initiation.bytes)).toBe(1);
    configure(bob, { privateKey: BOB_2.privateKey });
    expect(receive(broken)).toBe(1);
  });
});

describe('cookies', () => {
  it('are kept for each pair: the next identity uses its own cookie', () => {
    const { network, alice, bob } = connected({
      bob: { underLoad: { handshakesPerSecond: 0.001 } },
    });
    knowNext(bob, alice, ALICE_2.publicKey);
    configure(alice, { nextPrivateKey: ALICE_2.privateKey });
    network.drive(100);
    expect(bob.engine.stats.sentCookieReplies).toBeGreaterThan(0);
    expect(alice.engine.stats.drops.toJSON()).toEqual({});
    network.drive(5400);
    expect(sessionOf(alice, bob)[0]).toEqual(ALICE_2.publicKey);
  });

  it('are made for the identity that the message was for', () => {
    const { network, alice, bob } = connected({
      bob: { underLoad: { handshakesPerSecond: 0.001 } },
    });
    configure(alice, {
      peers: [{ publicKey: bob.person.publicKey, nextPublicKey: BOB_2.publicKey }],
    });
    configure(bob, { nextPrivateKey: BOB_2.privateKey });
    // Alice switches to bob's next key before bob has used it.
    configure(alice, { peers: [{ publicKey: BOB_2.publicKey }] });
    network.loses = ({ bytes, from }) =>
      bytes[0] === HANDSHAKE_INITIATION && from.equals(bob.endpoint);
    network.drive(200_000);
    const before = bob.packets.length;
    alice.send(packetBetween(alice, bob));
    network.drive(5400);
    expect(bob.packets).toHaveLength(before + 1);
    expect(sessionOf(bob, alice)[0]).toEqual(BOB_2.publicKey);
    expect(alice.engine.stats.drops.toJSON()).toEqual({});
  });
});

describe('many peers', () => {
  it('that do not know the next key cost at most one probe per Rekey-Timeout each', () => {
    const { network, node, rotate } = mesh(300);
    rotate();
    network.eavesdropper.forget();
    network.drive(60_000);
    const sent = network.eavesdropper.of(HANDSHAKE_INITIATION, node);
    expect(sent.length).toBeLessThanOrEqual(300 * 12);
    expect(sent.length).toBeGreaterThan(300 * 10);
    // There are never many probes at once.
    const perTenth = new Map<number, number>();
    for (const { at } of sent) {
      const tenth = Math.floor(at / 100);
      perTenth.set(tenth, (perTenth.get(tenth) ?? 0) + 1);
    }
    expect(Math.max(...perTenth.values())).toBeLessThan(30);
  });

  it('all answer a storm of probes in the end, with cookies and rate limits', () => {
    const { network, node, others, rotate } = mesh(60, {
      underLoad: { handshakesPerSecond: 0.001 },
    });
    rotate();
    for (const other of others) knowNext(other, node, node.engine.nextPublicKey!);
    network.drive(30_000);
    const own = node.engine.nextPublicKey!;
    expect(node.engine.peers().map(({ sessionStaticKeys }) => sessionStaticKeys?.own)).toEqual(
      others.map(() => own),
    );
    expect(others.every(({ engine }) => engine.stats.sentCookieReplies > 0)).toBe(true);
    network.eavesdropper.forget();
    network.drive(60_000);
    expect(network.eavesdropper.of(HANDSHAKE_INITIATION)).toEqual([]);
  });
});

/** Returns one node with `count` peers. `rotate` gives it a next identity. */
function mesh(count: number, options: Partial<EngineOptions> = {}) {
  const network = new SimulatedNetwork();
  const crypto = toyProvider();
  const [node, ...others] = Array.from({ length: count + 1 }, (_, i) => {
    const person = createPerson(1 + (i % 250), 70 + i);
    const publicKey = crypto.dhPublicKey(person.privateKey) as PublicKey;
    const endpoint = new Endpoint(Uint8Array.of(192, 0, 2, 1), 3000 + i);
    return joinNetwork(network, { ...person, publicKey, endpoint }, { crypto, ...options });
  }) as [Node, ...Node[]];
  for (const other of others) {
    introduce(node, other.person);
    introduce(other, node.person);
  }
  const rotate = (): void => configure(node, { nextPrivateKey: ALICE_2.privateKey });
  return { network, node, others, rotate };
}

/** Returns a pair with a session between the first keys of both nodes. */
function connected(options: Parameters<typeof createPair>[0] = {}): Pair {
  const pair = createPair(options);
  if (options.bob?.underLoad) {
    pair.alice.send(packetBetween(pair.alice, pair.bob));
    pair.network.drive(6000);
  } else connect(pair);
  return pair;
}

/**
 * Returns a pair: alice has two identities, bob knows both keys, and the session uses the next
 * identity.
 */
function rotating(): Pair {
  const pair = connected();
  knowNext(pair.bob, pair.alice, ALICE_2.publicKey);
  configure(pair.alice, { nextPrivateKey: ALICE_2.privateKey });
  pair.network.drive(100);
  return pair;
}

function knowNext(
  node: Pick<Node, 'input'>,
  { person }: Pick<Node, 'person'>,
  nextPublicKey: PublicKey,
): void {
  configure(node, { peers: [{ publicKey: person.publicKey, nextPublicKey }] });
}

function configure(node: Pick<Node, 'input'>, change: EngineChange): void {
  node.input((engine, now) => engine.configure(change, now));
}

/** Returns the static keys of the session that sends: our key, and the peer's key. */
function sessionOf(node: Node, other: Node): PublicKey[] {
  const { sessionStaticKeys } = node.engine.peer(other.person.publicKey) ?? {};
  return sessionStaticKeys ? [sessionStaticKeys.own, sessionStaticKeys.peer] : [];
}

function alicesZeroKey(): PublicKey {
  return new Uint8Array(32) as PublicKey;
}

function toyKey(number: number): PublicKey {
  return toyProvider().dhPublicKey(createPerson(number % 250, 50 + number).privateKey) as PublicKey;
}
