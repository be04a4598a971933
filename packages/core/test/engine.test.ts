import {
  connect,
  createPair,
  createPerson,
  toPacketRun,
  packetBetween,
  seededRandomBytes,
} from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { equalBytes } from '../src/crypto/equal-bytes.ts';
import { stateOf } from '../src/engine.ts';
import { Endpoint, Engine, parsePrivateKey, type EngineOptions } from '../src/index.ts';
import { keyId } from '../src/keys.ts';

describe('Engine', () => {
  it('starts with the link up and with nothing to do', () => {
    const engine = new Engine(options);
    expect(engine.publicKey).toBeUndefined();
    expect(engine.peers()).toEqual([]);
    expect(engine.mtu).toBe(1420);
    expect(engine.pollTimeout()).toBe(Infinity);
    expect(engine.pollTransmit()).toBeUndefined();
    expect(engine.pollPacket()).toBeUndefined();
    expect(engine.pollEvent()).toBeUndefined();
  });

  it('returns a copy of the public key', () => {
    const engine = new Engine(options);
    const { privateKey, publicKey } = createPerson(1);
    engine.configure({ privateKey }, 0);
    engine.publicKey?.fill(0);
    expect(engine.publicKey).toEqual(publicKey);
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ['randomBytes', { randomBytes: undefined }, /"randomBytes" expected a function/],
    ['unixTime', { unixTime: 5 }, /"unixTime" expected a function, got a number/],
    ['mtu', { mtu: 0 }, /"mtu" expected an integer from 1 to 65535, got 0/],
    ['mtu', { mtu: 65_536 }, /"mtu"/],
    ['handshakeGiveUpMs', { handshakeGiveUpMs: -1 }, /"handshakeGiveUpMs" expected a number above/],
    ['limits', { limits: { rejectAfterMessages: 2 ** 53 } }, /"limits.rejectAfterMessages"/],
    ['underLoad', { underLoad: { handshakesPerSecond: NaN } }, /"underLoad.handshakesPerSecond"/],
    ['limits', { limits: 5 }, /"limits" expected an object, got a number/],
    [
      'limit',
      { limits: { rekeyAfterMesages: 5 } },
      /"limits" expected one of .*rekeyAfterMessages/,
    ],
    ['underLoad', { underLoad: { handshakes: 5 } }, /"underLoad" expected one of/],
    ['option', { maxPeers: 5 }, /"options" expected one of .*, got "maxPeers"/],
  ])('refuses a wrong %s', (_, wrong, message) => {
    expect(() => new Engine({ ...options, ...wrong })).toThrow(message);
  });

  it('refuses buffers without enough space around the packet', () => {
    const engine = new Engine(options);
    const buffer = new Uint8Array(100);
    expect(() => engine.handlePacketAt(buffer, 15, 20, 0)).toThrow(
      /"offset" expected an integer of at least 16/,
    );
    expect(() => engine.handlePacketAt(buffer, 16, 54, 0)).toThrow(/"length" expected 0 to 53/);
    expect(engine.handlePacketAt(buffer, 16, 53, 0)).toBe('not-ip');
    const { endpoint } = createPerson(1);
    expect(() => engine.handleDatagramAt(buffer, 90, 11, endpoint, 0, 0)).toThrow(RangeError);
    expect(() => engine.handleDatagramAt(buffer, 0, -1, endpoint, 0, 0)).toThrow(RangeError);
    expect(() => engine.handleDatagramAt(buffer, 0.5, 1, endpoint, 0, 0)).toThrow(RangeError);
  });

  it('refuses arguments of the wrong type', () => {
    const engine = new Engine(options);
    expect(() => engine.handlePacket([] as never, 0)).toThrow(/"packet" expected a Uint8Array/);
    expect(() => engine.handleDatagram(new Uint8Array(1), {} as never, 0)).toThrow(/"source"/);
    expect(() => engine.handleTimeout(NaN)).toThrow(
      /"now" expected a finite number of milliseconds, got NaN/,
    );
    expect(() => engine.configure({}, Infinity)).toThrow(/"now"/);
    expect(() => engine.handleTimeout(1e300)).toThrow(/"now"/);
    expect(() => engine.linkUp('0' as never)).toThrow(/"now"/);
    expect(() => void (engine.mtu = 1.5)).toThrow(/"mtu"/);
  });

  it('names the argument if the time or the bytes are wrong', () => {
    const { alice, bob, network } = createPair();
    const { engine, endpoint } = alice;
    const now = NaN;
    const { publicKey } = bob.person;
    for (const call of [
      () => engine.configure({}, now),
      () => engine.prepare({})(now),
      () => engine.linkUp(now),
      () => engine.linkDown(now),
      () => engine.connect(publicKey, now),
      () => engine.handlePacket(new Uint8Array(1), now),
      () => engine.handlePackets(toPacketRun([new Uint8Array(20)]), now),
      () => engine.handleDatagram(new Uint8Array(1), endpoint, now),
      () => engine.openDatagram(new Uint8Array(1), 0, 1, endpoint, 0, now),
      () => engine.handleTimeout(now),
    ]) {
      expect(call).toThrow(/"now" expected a finite number of milliseconds, got NaN/);
    }
    expect(() => engine.configure({ peers: [{ publicKey, remove: true }] }, now)).toThrow(/"now"/);
    expect(engine.hasPeer(publicKey)).toBe(true);
    expect(() => engine.handleDatagram([] as never, endpoint, network.now)).toThrow(
      /"datagram" expected a Uint8Array/,
    );
  });

  it('lets the caller change the MTU, and turn on traces and peer events', () => {
    const { alice, bob, network } = createPair();
    const { engine } = alice;
    engine.mtu = 1280;
    expect(engine.mtu).toBe(1280);
    expect([engine.traces, engine.emitsPeerEvents]).toEqual([false, false]);
    engine.traces = true;
    engine.emitsPeerEvents = true;
    expect([engine.traces, engine.emitsPeerEvents]).toEqual([true, true]);
    engine.configure({ peers: [{ publicKey: bob.person.publicKey, remove: true }] }, network.now);
    expect([engine.pollEvent(), engine.pollEvent()]).toMatchObject([
      { type: 'trace', step: 'peer-removed' },
      { type: 'peer', change: 'removed' },
    ]);
  });

  it('returns its keys as copies', () => {
    const engine = new Engine(options);
    expect([engine.privateKey, engine.nextPrivateKey, engine.nextPublicKey]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    const [own, next] = [createPerson(1), createPerson(2)];
    engine.configure({ privateKey: own.privateKey, nextPrivateKey: next.privateKey }, 0);
    for (let i = 0; i < 2; i++) {
      expect(engine.privateKey).toEqual(own.privateKey);
      expect(engine.nextPrivateKey).toEqual(next.privateKey);
      expect(engine.nextPublicKey).toEqual(next.publicKey);
      for (const key of [engine.privateKey, engine.nextPrivateKey, engine.nextPublicKey]) {
        key?.fill(0);
      }
    }
  });

  it('ignores linkUp when the link is up, and linkDown when it is down', () => {
    const pair = createPair({ bobAsPeer: { persistentKeepalive: 25 } });
    connect(pair);
    const { network, alice, bob } = pair;
    const { sentKeepalives } = alice.engine.stats;
    alice.input((engine, now) => engine.linkUp(now));
    expect(alice.engine.stats.sentKeepalives).toBe(sentKeepalives);
    alice.input((engine, now) => engine.linkDown(now));
    const peer = stateOf(alice.engine).peers.get(keyId(bob.person.publicKey))!;
    peer.handshakeSentAt = 7;
    alice.input((engine, now) => engine.linkDown(now));
    expect(peer.handshakeSentAt).toBe(7);
    const { sentInitiations } = alice.engine.stats;
    network.now += 6000;
    alice.input((engine, now) => engine.linkUp(now));
    expect(alice.engine.stats.sentInitiations).toBe(sentInitiations + 1);
  });

  it('counts what it drops when the link goes down, and forgets queued messages', () => {
    const pair = createPair();
    const { network, alice, bob } = pair;
    network.loses = () => true;
    alice.send(packetBetween(alice, bob));
    bob.send(packetBetween(bob, alice));
    const [{ bytes }] = network.eavesdropper.of(1, bob);
    const { handshakes } = stateOf(alice.engine);
    // The budget is used up, so the message must wait.
    handshakes.screening.spend(1000, network.now);
    alice.receive(bytes.slice(), bob.endpoint);
    expect(handshakes.queue.size).toBe(1);
    alice.engine.linkDown(network.now);
    expect(alice.engine.stats.drops.toJSON()).toEqual({ 'link-down': 2 });
    expect(alice.engine.pollTimeout()).toBe(Infinity);
  });

  it('makes the provider forget private keys when the link goes down', () => {
    const { alice, network } = createPair();
    const state = stateOf(alice.engine);
    alice.engine.configure({ nextPrivateKey: createPerson(9).privateKey }, network.now);
    const destroyed: string[] = [];
    for (const identity of ['identity', 'nextIdentity'] as const) {
      state[identity]!.preparedKey = {
        publicKey: state[identity]!.publicKey,
        dh: () => undefined,
        destroy: () => destroyed.push(identity),
      };
    }
    alice.engine.linkDown(network.now);
    expect(destroyed).toEqual(['identity', 'nextIdentity']);
    const none = new Engine(options);
    none.linkDown(0);
    expect(none.pollTimeout()).toBe(Infinity);
  });

  it('seals the packet in the buffer of each call of handlePacketAt, not in an earlier buffer', () => {
    const pair = createPair();
    connect(pair);
    const { alice, bob, network } = pair;
    const { engine } = alice;
    const paddedBuffer = (length: number) => {
      const buffer = new Uint8Array(length + 64);
      buffer.set(packetBetween(alice, bob, { length }), 16);
      return buffer;
    };
    const before = engine.stats.sentMessages;
    for (const length of [100, 60, 200])
      engine.handlePacketAt(paddedBuffer(length), 16, length, network.now);
    expect(engine.stats.sentMessages).toBe(before + 3);
    const sent = [];
    for (let t = engine.pollTransmit(); t; t = engine.pollTransmit()) sent.push(t.datagram.length);
    expect(sent).toEqual([112 + 32, 64 + 32, 208 + 32]);
  });

  it('returns why a handshake message was dropped, and never the reason of another message', () => {
    const pair = createPair();
    const { network, alice, bob } = pair;
    network.loses = () => true;
    alice.send(packetBetween(alice, bob));
    const [{ bytes }] = network.eavesdropper.of(1, alice);
    const wrong = bytes.slice();
    wrong[120] ^= 1;
    const { engine } = bob;
    expect(engine.handleDatagram(wrong, alice.endpoint, network.now)).toBe('bad-mac1');
    // That reason is not returned for a message that is accepted, or that waits.
    network.loses = () => false;
    alice.engine.handleTimeout(network.now);
    expect(engine.handleDatagram(bytes.slice(), alice.endpoint, network.now)).toBeUndefined();
    const { handshakes } = stateOf(engine);
    handshakes.screening.spend(1000, network.now);
    const later = bytes.slice();
    later[121] ^= 1;
    expect(engine.handleDatagram(later, alice.endpoint, network.now)).toBeUndefined();
  });

  it('uses the message limits of the options, or the default limits', () => {
    const limits = { rekeyAfterMessages: 5, rejectAfterMessages: 9 };
    expect(stateOf(new Engine({ ...options, limits })).limits).toEqual(limits);
    expect(stateOf(new Engine(options)).limits).toEqual({
      rekeyAfterMessages: 2 ** 52,
      rejectAfterMessages: 2 ** 53 - 2 ** 13 - 1,
    });
  });

  it('accepts Buffers of Node.js, whose slice does not copy', () => {
    const pair = createPair();
    const { alice, bob, network } = pair;
    network.drop(1);
    alice.send(packetBetween(alice, bob));
    const [sent] = network.eavesdropper.datagrams;
    const datagram = Buffer.from(sent.bytes);
    expect(bob.engine.handleDatagram(datagram, alice.endpoint, network.now)).toBeUndefined();
    const address = Buffer.of(10, 1, 2, 3);
    const { publicKey } = bob.person;
    const allowedIps = [{ address, prefixLength: 8 }];
    alice.engine.configure({ peers: [{ publicKey, allowedIps }] }, network.now);
    expect([...address]).toEqual([10, 1, 2, 3]);
    const bytes = Buffer.alloc(32, 0xff);
    parsePrivateKey(bytes);
    expect(bytes).toEqual(Buffer.alloc(32, 0xff));
  });

  it('starts one handshake when connect is called twice', () => {
    const { alice, bob, network } = createPair();
    const { publicKey } = bob.person;
    expect(alice.engine.connect(publicKey, network.now)).toBe(false);
    expect(alice.engine.connect(publicKey, network.now)).toBe(false);
    expect(alice.engine.stats.sentInitiations).toBe(1);
    alice.timeout();
    network.settle();
    expect(alice.engine.connect(publicKey, network.now)).toBe(true);
    expect(() => alice.engine.connect(alice.person.publicKey, 0)).toThrow(
      /"publicKey" expected the key of a configured peer/,
    );
  });

  it('lists the endpoints of all peers that have one, even if a peer is removed meanwhile', () => {
    const { alice, bob, network } = createPair();
    const [first, second, without] = [7, 8, 9].map((seed) => createPerson(seed).publicKey);
    const endpoints = [first, second].map((_, i) => new Endpoint(bob.endpoint.address, 1 + i));
    const peers = [
      { publicKey: first, endpoint: endpoints[0] },
      { publicKey: without },
      { publicKey: second, endpoint: endpoints[1] },
    ];
    alice.engine.configure({ replacePeers: true, peers }, network.now);
    expect([...alice.engine.endpoints()]).toEqual(endpoints);
    const listed = alice.engine.endpoints();
    expect(listed.next().value).toBe(endpoints[0]);
    alice.engine.configure({ peers: [{ publicKey: second, remove: true }] }, network.now);
    expect(listed.next().done).toBe(true);
  });

  it('forgets the sticky sources for which the callback returns true', () => {
    const { alice, bob, network } = createPair();
    const sourceAddress = Uint8Array.of(192, 0, 2, 1);
    const endpoint = new Endpoint(bob.endpoint.address, 51820, { sourceAddress });
    const { publicKey } = bob.person;
    alice.engine.configure({ peers: [{ publicKey, endpoint }] }, network.now);
    alice.engine.forgetSources(() => false);
    expect(alice.engine.peer(publicKey)?.endpoint).toBe(endpoint);
    alice.engine.forgetSources((asked) => asked === endpoint);
    expect(alice.engine.peer(publicKey)?.endpoint).toEqual(endpoint.withoutSource());
  });

  it('does not change the packet that is passed to handlePacket', () => {
    const pair = createPair();
    connect(pair);
    const packet = packetBetween(pair.alice, pair.bob);
    const before = packet.slice();
    pair.alice.send(packet);
    expect(packet).toEqual(before);
  });

  it('opens a datagram in place and returns where the packet is', () => {
    const pair = createPair();
    connect(pair);
    const { network, alice, bob } = pair;
    const packet = packetBetween(alice, bob, { length: 50 });
    alice.send(packet);
    const { bytes } = network.eavesdropper.of(4).at(-1)!;
    const buffer = new Uint8Array(200);
    buffer.set(bytes, 7);
    const { endpoint } = alice;
    bob.engine.handleDatagramAt(buffer, 7, bytes.length, endpoint, 0, network.now);
    const view = bob.engine.pollPacket();
    expect(view?.buffer).toBe(buffer);
    expect(view).toMatchObject({ offset: 23, length: 50, peer: alice.person.publicKey });
    expect(view?.packet).toEqual(packet);
  });

  it('keeps the datagrams of several calls separate when the caller polls late', () => {
    const pair = createPair();
    connect(pair);
    const { network, alice, bob } = pair;
    const sent = [100, 200, 300].map((length) => packetBetween(alice, bob, { length }));
    for (const packet of sent) alice.engine.handlePacket(packet, network.now);
    alice.timeout();
    network.settle();
    expect(bob.packets.slice(1)).toEqual(sent);
  });

  it('reports the keys, settings, session and drops of a peer', () => {
    const pair = createPair({ bobAsPeer: { persistentKeepalive: 25 } });
    connect(pair);
    const { alice, bob } = pair;
    const { publicKey, ipv4, ipv6 } = bob.person;
    const status = alice.engine.peer(publicKey);
    expect(status).toMatchObject({
      publicKey,
      persistentKeepalive: 25,
      sessionUp: true,
      drops: {},
    });
    expect(status?.allowedIps).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ address: ipv4, prefixLength: 32 }),
        expect.objectContaining({ address: ipv6, prefixLength: 128 }),
      ]),
    );
    expect(alice.engine.peers()).toEqual([status]);
  });

  describe('peerStatuses', () => {
    it('returns the same statuses as peers(), one by one', () => {
      const engine = engineWith(1, 2, 3);
      expect([...engine.peerStatuses()]).toEqual(engine.peers());
      expect(numbers(engine.peers())).toEqual([1, 2, 3]);
    });

    it('leaves out peers that are removed before it reaches them', () => {
      const engine = engineWith(1, 2, 3, 4);
      const statuses = engine.peerStatuses();
      expect(statuses.next().value).toMatchObject({ publicKey: createPerson(1).publicKey });
      const removed = [1, 3].map((n) => ({ publicKey: createPerson(n).publicKey, remove: true }));
      engine.configure({ peers: removed }, 0);
      expect(numbers(statuses)).toEqual([2, 4]);
    });

    it('reports no peer twice, and ends although peers are added all the time', () => {
      const engine = engineWith(1, 2, 3, 4);
      const seen: number[] = [];
      for (const status of engine.peerStatuses()) {
        seen.push(...numbers([status]));
        engine.configure({ peers: [{ publicKey: status.publicKey, remove: true }] }, 0);
        engine.configure({ peers: [{ publicKey: status.publicKey }] }, 0);
        engine.configure({ peers: [{ publicKey: createPerson(4 + seen.length).publicKey }] }, 0);
      }
      expect(seen).toEqual([1, 2, 3, 4]);
      expect(numbers(engine.peers())).toEqual([1, 5, 2, 6, 3, 7, 4, 8]);
    });

    it('ends when all peers are replaced in the middle', () => {
      const engine = engineWith(1, 2, 3);
      const statuses = engine.peerStatuses();
      statuses.next();
      const { publicKey } = createPerson(2);
      engine.configure({ replacePeers: true, peers: [{ publicKey }] }, 0);
      expect(numbers(statuses)).toEqual([]);
    });
  });

  it('gives the same output for the same seed, byte for byte', () => {
    expect(record()).toBe(record());
  });
});

const options: EngineOptions = { randomBytes: seededRandomBytes(1), unixTime: () => 0 };

function engineWith(...persons: number[]): Engine {
  const engine = new Engine(options);
  const peers = persons.map((number) => ({ publicKey: createPerson(number).publicKey }));
  engine.configure({ peers }, 0);
  return engine;
}

/** Returns the numbers of the persons to whom the peers belong. */
function numbers(statuses: Iterable<{ publicKey: Uint8Array }>): number[] {
  return Array.from(statuses, ({ publicKey }) =>
    [1, 2, 3, 4, 5, 6, 7, 8].find((number) =>
      equalBytes(createPerson(number).publicKey, publicKey),
    )!,
  );
}

/** Returns what two engines send in five minutes. */
function record(): string {
  const pair = createPair({ seed: 5 });
  connect(pair);
  pair.network.drive(300_000);
  const { datagrams } = pair.network.eavesdropper;
  return JSON.stringify(datagrams.map(({ at, bytes }) => [at, [...bytes]]));
}
