import {
  connect,
  createPair,
  createPerson,
  introduce,
  joinNetwork,
  packetBetween,
  type Pair,
} from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { Endpoint } from '../../src/index.ts';
import { MESSAGE_TYPE } from '../../src/internals.ts';

const { COOKIE_REPLY, HANDSHAKE_INITIATION, HANDSHAKE_RESPONSE } = MESSAGE_TYPE;

describe('the load state', () => {
  it('answers an initiation with a cookie, and accepts the next initiation that has this cookie', () => {
    const { network, alice, bob } = createPair({ bob: { underLoad: { handshakesPerSecond: 5 } } });
    const flood = floodOn({ network, alice, bob });
    flood(20);
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect(network.eavesdropper.of(COOKIE_REPLY, bob).length).toBeGreaterThan(0);
    const cookie = network.eavesdropper.of(COOKIE_REPLY, bob).at(-1);
    expect(cookie).toMatchObject({ tos: 0x88, to: expect.objectContaining({ port: 51820 }) });
    expect(cookie?.bytes).toHaveLength(64);
    expect(bob.packets).toEqual([]);
    // The flood goes on while alice tries again.
    network.driveUntil(() => {
      flood(20);
      return bob.packets.length > 0;
    }, 12_000);
    expect(alice.engine.stats.sentInitiations).toBe(2);
    expect(bob.engine.stats.drops.count('under-load')).toBeGreaterThan(20);
  });

  it('lasts one second longer than the flood', () => {
    const { network, alice, bob } = createPair({ bob: { underLoad: { handshakesPerSecond: 5 } } });
    const flood = floodOn({ network, alice, bob });
    flood(6);
    network.settle();
    network.eavesdropper.forget();
    network.drive(900);
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect(network.eavesdropper.types(bob)).toEqual([COOKIE_REPLY]);

    const later = createPair({ bob: { underLoad: { handshakesPerSecond: 5 } } });
    floodOn(later)(6);
    later.network.settle();
    later.network.drive(1_000);
    later.network.eavesdropper.forget();
    connect(later);
    expect(later.network.eavesdropper.types(later.bob)).toEqual([HANDSHAKE_RESPONSE]);
  });

  it('is not caused by messages without a valid mac1', () => {
    const { network, alice, bob } = createPair({ bob: { underLoad: { handshakesPerSecond: 5 } } });
    for (let i = 0; i < 1000; i++) {
      const junk = new Uint8Array(148).fill(i);
      junk.set([HANDSHAKE_INITIATION, 0, 0, 0]);
      expect(bob.receive(junk, stranger(i))).toBe('bad-mac1');
    }
    connect({ network, alice, bob });
    expect(network.eavesdropper.of(COOKIE_REPLY)).toEqual([]);
    expect(bob.packets).toHaveLength(1);
  });

  it('limits each source with a valid cookie to a burst of 5 messages', () => {
    const { network, alice, bob } = createPair({ bob: { underLoad: { handshakesPerSecond: 1 } } });
    const flood = floodOn({ network, alice, bob });
    flood(3);
    alice.send(packetBetween(alice, bob));
    network.settle();
    network.loses = ({ to }) => to.sameDestination(bob.endpoint);
    network.drive(5_400);
    const withCookie = network.eavesdropper.of(HANDSHAKE_INITIATION, alice).at(-1)?.bytes;
    flood(3);
    network.settle();
    const reasons = Array.from({ length: 8 }, () =>
      bob.receive(withCookie?.slice() ?? new Uint8Array(0), alice.endpoint),
    );
    // The first message is answered, the next messages are replays, and then the bucket is empty.
    expect(reasons.slice(0, 2)).toEqual([undefined, 'replayed-initiation']);
    expect(reasons.slice(5)).toEqual(['rate-limited', 'rate-limited', 'rate-limited']);
    // The cookie is not valid for another port of the same host.
    const otherPort = new Endpoint(alice.endpoint.address, 1);
    expect(bob.receive(withCookie?.slice() ?? new Uint8Array(0), otherPort)).toBe('under-load');
  });

  it('allows handshakes of other peers while one attacker causes the load', () => {
    const { network, alice, bob } = createPair({ bob: { underLoad: { handshakesPerSecond: 10 } } });
    const flood = floodOn({ network, alice, bob });
    for (let second = 0; second < 5; second++) {
      flood(200);
      network.drive(1_000);
    }
    const carol = joinNetwork(network, createPerson(3));
    introduce(carol, bob.person);
    introduce(bob, carol.person);
    carol.send(packetBetween(carol, bob));
    alice.send(packetBetween(alice, bob));
    for (let i = 0; i < 8; i++) {
      flood(200);
      network.drive(1_000);
    }
    expect(bob.packets).toHaveLength(2);
  });

  it('does not affect existing sessions', () => {
    const pair = createPair({ bob: { underLoad: { handshakesPerSecond: 1 } } });
    connect(pair);
    const { network, alice, bob } = pair;
    floodOn(pair)(100);
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect(bob.packets).toHaveLength(2);
  });

  it('also applies to responses: an initiator under load answers a response with a cookie reply', () => {
    const { network, alice, bob } = createPair({
      alice: { underLoad: { handshakesPerSecond: 1 } },
    });
    floodOn({ network, alice: bob, bob: alice })(5);
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect(network.eavesdropper.types(alice)).toContain(COOKIE_REPLY);
  });
});

describe('cookie reply', () => {
  it('triggers no message, and does not change the endpoint of the peer', () => {
    const { network, alice, bob } = createPair({ bob: { underLoad: { handshakesPerSecond: 1 } } });
    floodOn({ network, alice, bob })(5);
    alice.send(packetBetween(alice, bob));
    network.settle();
    const cookie = network.eavesdropper.of(COOKIE_REPLY, bob).at(-1);
    const sent = network.eavesdropper.types(alice).length;
    const endpoint = alice.engine.peer(bob.person.publicKey)?.endpoint;
    alice.receive(cookie?.bytes.slice() ?? new Uint8Array(0), stranger(9));
    expect(network.eavesdropper.types(alice)).toHaveLength(sent);
    expect(alice.engine.peer(bob.person.publicKey)?.endpoint).toBe(endpoint);
    expect(alice.eventsOf('roam')).toEqual([]);
  });

  it('contains a cookie that its receiver uses for 115 s, although the cookie is valid for 120 s', () => {
    // A message may be on its way for 5 s, and its cookie must still be valid when it arrives.
    const { network, alice, bob } = createPair({
      bob: { underLoad: { handshakesPerSecond: 1 } },
    });
    floodOn({ network, alice, bob })(5);
    alice.send(packetBetween(alice, bob));
    network.settle();
    network.loses = () => true;
    const start = network.now;
    while (network.now < start + 150_000) {
      network.drive(5_000);
      alice.send(packetBetween(alice, bob));
    }
    const initiations = network.eavesdropper.of(HANDSHAKE_INITIATION, alice).slice(1);
    for (const { at, bytes } of initiations) expect(hasMac2(bytes)).toBe(at < start + 115_000);
  });

  it('is dropped if it is invalid or has an unknown index', () => {
    const pair = createPair({ bob: { underLoad: { handshakesPerSecond: 1 } } });
    const { network, alice, bob } = pair;
    floodOn(pair)(5);
    alice.send(packetBetween(alice, bob));
    network.loses = ({ bytes }) => bytes[0] === COOKIE_REPLY;
    network.settle();
    const cookie = network.eavesdropper.of(COOKIE_REPLY, bob).at(-1)?.bytes ?? new Uint8Array(0);
    const broken = cookie.slice();
    broken[40] ^= 1;
    expect(alice.receive(broken, bob.endpoint)).toBe('invalid-cookie');
    const unknown = cookie.slice();
    unknown[4] ^= 1;
    expect(alice.receive(unknown, bob.endpoint)).toBe('unknown-index');
    expect(alice.receive(cookie.slice(), bob.endpoint)).toBeUndefined();
  });
});

/**
 * Returns a function that sends handshake messages to bob, each from another address. Their mac1 is
 * valid, because the attacker knows bob's public key.
 */
function floodOn({ network, bob }: Pair): (count: number) => void {
  const mallory = joinNetwork(network, createPerson(66));
  introduce(mallory, bob.person);
  network.nodes.splice(network.nodes.indexOf(mallory), 1);
  let sent: Uint8Array | undefined;
  mallory.input((engine, now) => {
    engine.handlePacket(packetBetween(mallory, bob), now);
    sent = engine.pollTransmit()?.datagram.slice();
  });
  let from = 0;
  return (count) => {
    for (let i = 0; i < count; i++) {
      network.inject(sent ?? new Uint8Array(0), stranger(from++), bob.endpoint);
    }
  };
}

function hasMac2(initiation: Uint8Array): boolean {
  return initiation.subarray(132).some((byte) => byte !== 0);
}

function stranger(number: number): Endpoint {
  return new Endpoint(Uint8Array.of(198, 51, (number >> 8) & 0xff, number & 0xff), 4000);
}
