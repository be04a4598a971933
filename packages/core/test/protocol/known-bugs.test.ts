/**
 * Tests that the engine does not have bugs which other implementations had. Each title first names
 * a bug. After the colon, it says what the engine does instead. Bugs of real sockets, TUN devices
 * and the UAPI are tested in the packages that have these parts.
 */
import {
  connect,
  createPair,
  createPerson,
  introduce,
  ipPacket,
  joinNetwork,
  packetBetween,
  type Pair,
} from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { stateOf } from '../../src/engine.ts';
import { Endpoint, type PresharedKey } from '../../src/index.ts';
import { keyId, MESSAGE_TYPE } from '../../src/internals.ts';

const { COOKIE_REPLY, HANDSHAKE_INITIATION, TRANSPORT_DATA } = MESSAGE_TYPE;

describe('known bugs of WireGuard implementations', () => {
  it('pointer-sized nonce counter: counters beyond 32 bits go on the wire whole and come back', () => {
    const { network, alice, bob } = connected();
    const keypair = currentKeypair(alice, bob);
    for (const counter of [2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 45 + 7]) {
      keypair.sendCounter = counter;
      alice.send(packetBetween(alice, bob));
      const { bytes } = network.eavesdropper.of(TRANSPORT_DATA, alice).at(-1)!;
      expect(Buffer.from(bytes).readBigUInt64LE(8)).toBe(BigInt(counter));
      const received = bob.packets.length;
      network.settle();
      expect(bob.packets).toHaveLength(received + 1);
    }
  });

  it('no REJECT_AFTER_MESSAGES: the last counter is used, and no counter beyond it', () => {
    const { network, alice, bob } = connected();
    const limit = 2 ** 53 - 2 ** 13 - 1;
    currentKeypair(alice, bob).sendCounter = limit - 1;
    network.eavesdropper.forget();
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect(bob.packets).toHaveLength(2);
    alice.send(packetBetween(alice, bob));
    const counters = network.eavesdropper
      .of(TRANSPORT_DATA, alice)
      .map(({ bytes }) => Buffer.from(bytes).readBigUInt64LE(8));
    expect(counters.every((counter) => counter < BigInt(limit))).toBe(true);
    network.drive(20_000);
    expect(bob.packets).toHaveLength(3);
  });

  it('no padding: lengths on the wire are multiples of 16', () => {
    const { network, alice, bob } = connected();
    for (let length = 20; length < 60; length++) {
      alice.send(packetBetween(alice, bob, { length }));
    }
    for (const { bytes } of network.eavesdropper.of(TRANSPORT_DATA)) {
      expect(bytes.length % 16).toBe(0);
    }
  });

  it('predictable indices: indices are bytes of the random source', () => {
    const drawn: string[] = [];
    const randomBytes = (out: Uint8Array): void => {
      for (let i = 0; i < out.length; i++) out[i] = (drawn.length * 41 + i * 7 + 3) & 0xff;
      drawn.push(out.join(' '));
    };
    const pair = createPair({ alice: { randomBytes } });
    connect(pair);
    const [initiation] = pair.network.eavesdropper.of(HANDSHAKE_INITIATION);
    expect(drawn).toContain(initiation?.bytes.subarray(4, 8).join(' '));
  });

  it('cookie without port: a cookie for one port is not valid for another port', () => {
    const { network, alice, bob } = createPair({ bob: { underLoad: { handshakesPerSecond: 1 } } });
    overload(bob, network.now);
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect(network.eavesdropper.types(bob)).toEqual([COOKIE_REPLY]);
    const { address } = alice.endpoint;
    alice.endpoint = new Endpoint(address, 60_000);
    network.drive(4_900);
    overload(bob, network.now);
    network.driveUntil(() => network.eavesdropper.types(bob).length > 1);
    expect(network.eavesdropper.types(bob)).toEqual([COOKIE_REPLY, COOKIE_REPLY]);
  });

  it('global rate limit: other sources are answered while one source is limited', () => {
    const { network, alice, bob } = createPair({ bob: { underLoad: { handshakesPerSecond: 1 } } });
    const carol = joinNetwork(network, createPerson(3));
    introduce(carol, bob.person);
    introduce(bob, carol.person);
    overload(bob, network.now);
    alice.send(packetBetween(alice, bob));
    carol.send(packetBetween(carol, bob));
    network.settle();
    // Both peers have a cookie. Alice's cookie is used again and again.
    network.loses = ({ from }) => from.sameDestination(alice.endpoint);
    network.drive(4_990);
    network.driveUntil(() => network.eavesdropper.of(HANDSHAKE_INITIATION, alice).length > 1);
    const withCookie = network.eavesdropper.of(HANDSHAKE_INITIATION, alice).at(-1)!.bytes;
    for (let i = 0; i < 50; i++) {
      network.inject(withCookie, alice.endpoint, bob.endpoint);
    }
    network.drive(400);
    expect(bob.engine.stats.drops.count('rate-limited')).toBeGreaterThan(20);
    expect(bob.packets).toHaveLength(1);
    expect([...(bob.packets[0]?.subarray(12, 16) ?? [])]).toEqual([...carol.person.ipv4]);
  });

  it('limiter never reset: handshakes after the 100th are not answered with a cookie reply', () => {
    const { network, alice, bob } = createPair();
    connect({ network, alice, bob });
    for (let i = 0; i < 150; i++) {
      network.drive(181_000);
      alice.send(packetBetween(alice, bob));
      network.settle();
    }
    expect(network.eavesdropper.of(COOKIE_REPLY)).toEqual([]);
    expect(bob.packets).toHaveLength(151);
  });

  it('endpoint updated only on handshakes: a transport message changes the endpoint', () => {
    const { network, alice, bob } = connected();
    alice.endpoint = createPerson(5).endpoint;
    alice.send(packetBetween(alice, bob));
    network.settle();
    network.eavesdropper.forget();
    bob.send(packetBetween(bob, alice));
    expect(network.eavesdropper.datagrams[0]?.to.sameDestination(alice.endpoint)).toBe(true);
  });

  it('endpoint updated on cookie replies: a cookie reply does not change the endpoint', () => {
    const { network, alice, bob } = createPair({ bob: { underLoad: { handshakesPerSecond: 1 } } });
    overload(bob, network.now);
    alice.send(packetBetween(alice, bob));
    network.drive(10);
    const [cookie] = network.eavesdropper.of(COOKIE_REPLY);
    alice.receive(cookie.bytes.slice(), createPerson(5).endpoint);
    const { endpoint } = alice.engine.peer(bob.person.publicKey) ?? {};
    expect(endpoint?.sameDestination(bob.endpoint)).toBe(true);
  });

  it('source check against the prefixes of the sender only: the longest prefix in the whole table decides', () => {
    const { network, alice, bob } = connected();
    // Bob routes a part of alice's prefix to carol.
    const carol = createPerson(3);
    const everything = [{ address: Uint8Array.of(10, 0, 0, 0), prefixLength: 8 }];
    introduce(bob, alice.person, { allowedIps: everything });
    introduce(bob, carol);
    alice.send(ipPacket({ source: carol.ipv4, destination: bob.person.ipv4 }));
    network.settle();
    expect(bob.engine.stats.drops.toJSON()).toEqual({ 'disallowed-source': 1 });
  });

  it('oversized datagram panics the receive loop: a datagram of 65535 bytes is dropped for a reason', () => {
    const { alice } = connected();
    for (const type of [1, 2, 3, 4, 5]) {
      const big = new Uint8Array(65_535).fill(0xee);
      big.set([type, 0, 0, 0]);
      expect(typeof alice.receive(big, createPerson(9).endpoint)).toBe('string');
    }
  });

  it('handshake responses discarded within 250 ms: a response after 1 ms completes the handshake', () => {
    const pair = createPair({ latency: 0.5 });
    connect(pair);
    expect(pair.bob.packets).toHaveLength(1);
    expect(pair.alice.eventsOf('handshake')).toMatchObject([{ durationMs: 1 }]);
  });

  it('keepalive ping-pong: two idle peers fall silent', () => {
    const { network } = connected();
    network.drive(60_000);
    network.eavesdropper.forget();
    network.drive(60_000);
    expect(network.eavesdropper.datagrams).toEqual([]);
  });

  it('passive keepalive timed from the wrong event: the keepalive is sent 10 s after data was received, no matter when data was sent', () => {
    const { network, alice, bob } = connected();
    network.drive(30_000);
    bob.send(packetBetween(bob, alice));
    network.drive(7_000);
    const received = network.now;
    alice.send(packetBetween(alice, bob));
    network.settle();
    network.eavesdropper.forget();
    network.driveUntil(() => network.eavesdropper.types(bob).length > 0);
    expect(network.now).toBe(received + network.latency + 10_000);
  });

  it('keepalive when active: no keepalive is sent while data flows in both directions', () => {
    const { network, alice, bob } = connected({ bobAsPeer: { persistentKeepalive: 3 } });
    for (let i = 0; i < 60; i++) {
      alice.send(packetBetween(alice, bob));
      bob.send(packetBetween(bob, alice));
      network.drive(1_000);
    }
    const sizes = network.eavesdropper.of(TRANSPORT_DATA).map(({ bytes }) => bytes.length);
    expect(sizes.filter((size) => size === 32)).toEqual([]);
  });

  it('missing jitter: two peers do not retry at the same instants', () => {
    const times = [1, 2].map((seed) => {
      const { network, alice, bob } = createPair({
        alice: { randomBytes: (out) => void out.fill(seed * 50) },
      });
      network.loses = () => true;
      alice.send(packetBetween(alice, bob));
      network.drive(50_000);
      return network.eavesdropper.datagrams.map(({ at }) => at).slice(1);
    });
    expect(times[0]?.filter((at) => times[1]?.includes(at))).toEqual([]);
  });

  it('spurious rekey: one handshake serves 120 s of traffic in both directions', () => {
    const { network, alice, bob } = connected();
    for (let i = 0; i < 119; i++) {
      network.drive(1_000);
      alice.send(packetBetween(alice, bob));
      bob.send(packetBetween(bob, alice));
    }
    expect(network.eavesdropper.of(HANDSHAKE_INITIATION)).toHaveLength(1);
  });

  it('clock not monotonic panics: inputs with an earlier time are accepted', () => {
    const { network, alice, bob } = connected();
    network.now -= 500_000;
    alice.send(packetBetween(alice, bob));
    alice.timeout();
    bob.timeout();
    network.now += 500_000;
    network.drive(10_000);
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect(bob.packets).toHaveLength(3);
  });

  it('PSK change not applied: the next handshake uses the new key', () => {
    const { network, alice, bob } = connected();
    const presharedKey = new Uint8Array(32).fill(3) as PresharedKey;
    const change = (node: Pair['alice'], other: Pair['alice']): void => {
      const { publicKey } = other.person;
      node.input((engine, now) => engine.configure({ peers: [{ publicKey, presharedKey }] }, now));
    };
    change(alice, bob);
    network.drive(181_000);
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect(bob.packets).toHaveLength(1);
    change(bob, alice);
    network.drive(6_000);
    expect(bob.packets).toHaveLength(2);
  });

  it('deadline that never becomes actionable: a caller that waits for each deadline does not loop', () => {
    const { network, alice, bob } = createPair({ bobAsPeer: { persistentKeepalive: 1 } });
    network.loses = () => true;
    alice.send(packetBetween(alice, bob));
    let wakes = 0;
    const end = network.now + 3600_000;
    while (network.next() <= end) {
      network.step();
      wakes++;
    }
    // At most one wake per second for keepalives, one per 5 s for retries, and a few more.
    expect(wakes).toBeLessThan(3_600 + 3_600 / 5 + 100);
  });
});

function connected(options: Parameters<typeof createPair>[0] = {}): Pair {
  const pair = createPair(options);
  connect(pair);
  return pair;
}

/** The keypair that `node` sends with. */
function currentKeypair(node: Pair['alice'], other: Pair['alice']): { sendCounter: number } {
  const peer = stateOf(node.engine).peers.get(keyId(other.person.publicKey));
  return peer!.sendKeypair(node.network.now)!;
}

/**
 * Brings an engine with a limit of one handshake per second under load, by handshakes of an unknown
 * node.
 */
function overload(node: Pair['alice'], now: number): void {
  const { network } = createPair();
  network.now = now;
  const mallory = joinNetwork(network, createPerson(66));
  introduce(mallory, node.person);
  mallory.send(packetBetween(mallory, node));
  const bytes = network.eavesdropper.of(HANDSHAKE_INITIATION).at(-1)!.bytes;
  for (let i = 0; i < 3; i++) {
    node.engine.handleDatagram(bytes.slice(), createPerson(67).endpoint, now);
  }
  while (node.engine.pollTransmit());
}
