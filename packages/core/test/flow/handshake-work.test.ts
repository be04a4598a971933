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
import { stateOf } from '../../src/engine.ts';
import { Endpoint } from '../../src/index.ts';
import { MESSAGE_TYPE } from '../../src/internals.ts';

const { COOKIE_REPLY, HANDSHAKE_RESPONSE } = MESSAGE_TYPE;

describe('queueHandshakeMessage', () => {
  it('queues handshake messages until the packets of the batch are done', () => {
    const pair = createPair();
    connect(pair);
    const { network, alice, bob } = pair;
    const datagram = transportMessage(pair);
    const { engine } = bob;
    const initiation = captured(pair);
    const now = network.now + 100;
    for (let i = 0; i < 3; i++) {
      expect(engine.openDatagram(initiation.slice(), 0, 148, stranger(i), 0, now)).toBe(0);
    }
    expect(engine.pollTransmit()).toBeUndefined();
    expect(
      engine.openDatagram(datagram, 0, datagram.length, alice.endpoint, 0, now),
    ).toBeGreaterThan(0);
    expect(engine.stats.drops.count('unknown-peer')).toBe(0);
    engine.finishBatch(now);
    expect(engine.stats.drops.count('unknown-peer')).toBe(3);
  });

  it('drops a response or a cookie reply with an unknown index at once, and does not queue it', () => {
    const { network, bob } = createPair({ bob: { crypto: undefined as never } });
    const response = new Uint8Array(92);
    response[0] = HANDSHAKE_RESPONSE;
    const cookieReply = new Uint8Array(64);
    cookieReply[0] = COOKIE_REPLY;
    for (const message of [response, cookieReply]) {
      const { length } = message;
      const opened = bob.engine.openDatagram(message, 0, length, stranger(1), 0, network.now);
      expect(opened).toBe('unknown-index');
    }
    expect(bob.engine.pollTimeout()).toBe(Infinity);
  });

  it('drops and counts datagrams that are not messages or have a wrong length', () => {
    const { network, bob } = createPair();
    const open = (type: number, length: number) => {
      const message = new Uint8Array(200);
      message[0] = type;
      return bob.engine.openDatagram(message, 0, length, stranger(1), 0, network.now);
    };
    expect([0, 5, 255].map((type) => open(type, 148))).toEqual(
      Array(3).fill('unknown-message-type'),
    );
    const lengths: [number, number][] = [
      [1, 147],
      [1, 149],
      [2, 91],
      [2, 93],
      [3, 63],
      [3, 65],
    ];
    expect(lengths.map(([type, length]) => open(type, length))).toEqual(
      Array(6).fill('wrong-length'),
    );
    expect(bob.engine.stats.drops.toJSON()).toEqual({
      'unknown-message-type': 3,
      'wrong-length': 6,
    });
  });

  it('drops initiations and responses without a private key, and remembers their source', () => {
    const pair = createPair();
    const { network, bob } = pair;
    const initiation = captured(pair);
    bob.engine.configure({ privateKey: null }, network.now);
    const response = new Uint8Array(92);
    response[0] = HANDSHAKE_RESPONSE;
    const { drops } = bob.engine.stats;
    for (const [message, source] of [
      [initiation, stranger(1)],
      [response, stranger(2)],
    ] as const) {
      const { length } = message;
      expect(bob.engine.openDatagram(message, 0, length, source, 0, network.now)).toBe(
        'no-private-key',
      );
      expect(drops.takeDetails('no-private-key').lastSource).toBe(source);
    }
    expect(drops.toJSON()).toEqual({ 'no-private-key': 2 });
  });

  it('remembers the source of a message that is refused after it was queued', () => {
    const pair = createPair();
    const { network, bob } = pair;
    const initiation = captured(pair);
    initiation[120] ^= 1;
    expect(bob.engine.handleDatagram(initiation, stranger(3), network.now)).toBe('bad-mac1');
    expect(bob.engine.stats.drops.takeDetails('bad-mac1').lastSource).toEqual(stranger(3));
    // The next message must wait, because the budget is used up.
    stateOf(bob.engine).handshakes.screening.spend(1000, network.now);
    expect(bob.engine.handleDatagram(captured(pair), stranger(4), network.now)).toBeUndefined();
    expect(bob.engine.pollTimeout()).toBeGreaterThan(network.now);
  });

  it('drops messages that do not fit into the queue, and counts them', () => {
    const pair = createPair({ bob: { underLoad: { handshakesPerSecond: 5 } } });
    const { network, bob } = pair;
    const { engine } = bob;
    const initiation = captured(pair);
    const results = Array.from({ length: 1000 }, () =>
      engine.openDatagram(initiation.slice(), 0, 148, stranger(1), 0, network.now),
    );
    // The queue accepts the message that found it empty, then the first message of the source, and
    // then a lane full of repeated messages.
    expect(results.filter((result) => result === 0)).toHaveLength(1 + 1 + 512);
    expect(engine.stats.drops.count('handshake-overflow')).toBe(1000 - 514);
  });
});

describe('processHandshakes', () => {
  it('uses only a share of the time; pollTimeout returns the time at which it continues', () => {
    const pair = createPair({ bob: { underLoad: { handshakesPerSecond: 5 } } });
    const { network, bob } = pair;
    const { engine } = bob;
    const initiation = captured(pair);
    const start = network.now;
    let now = start;
    let turns = 0;
    let number = 0;
    for (let ms = 0; ms < 200; ms++) {
      for (let i = 0; i < 30; i++) {
        engine.openDatagram(initiation.slice(), 0, 148, stranger(number++), 0, start + ms);
      }
      engine.finishBatch(start + ms);
      for (now = engine.pollTimeout(); now < start + ms + 1; now = engine.pollTimeout()) {
        const before = engine.stats.sentCookieReplies;
        engine.handleTimeout(now);
        expect(engine.stats.sentCookieReplies).toBeGreaterThan(before);
        turns++;
      }
      while (engine.pollTransmit());
    }
    // The budget is a tenth of the 200 ms, and 3 ms that may be used at once. A reply costs 19 µs.
    const { sentCookieReplies } = engine.stats;
    expect(sentCookieReplies).toBeGreaterThan(1100);
    expect(sentCookieReplies).toBeLessThan(1250);
    expect(turns).toBeGreaterThan(500);
  });

  it.each([
    ['all of the time if there are no packets, and processes a few at once', 0, 100, 'at once'],
    ['a share of the time while there are packets', 1000, 40, 'later'],
  ] as const)('gives handshakes %s', (_name, packetsPerMs, most, waits) => {
    const pair = createPair({ bob: { underLoad: { handshakesPerSecond: 1e9 } } });
    const { network, bob } = pair;
    const { engine } = bob;
    const initiation = captured(pair);
    engine.finishBatch(network.now);
    let now = network.now + 1000;
    // Each message is refused after one X25519 operation, which costs 0.06 ms.
    for (let i = 0; i < 400; i++) {
      engine.openDatagram(initiation.slice(), 0, 148, stranger(i), 0, now);
    }
    const done = (): number => engine.stats.drops.count('unknown-peer');
    engine.finishBatch(now);
    for (let turn = 0; turn < 4; turn++) {
      now += 10;
      engine.stats.receivedMessages += 10 * packetsPerMs;
      engine.handleTimeout(now);
    }
    const before = done();
    const next = engine.pollTimeout();
    expect(next === now).toBe(waits === 'at once');
    engine.handleTimeout(next);
    expect(done()).toBeGreaterThan(before);
    expect(done() - before).toBeLessThan(most);
  });

  it('first answers sources that have sent no other message in this second', () => {
    const pair = createPair({ bob: { underLoad: { handshakesPerSecond: 5 } } });
    const { network, bob } = pair;
    const initiation = captured(pair);
    network.drive(2000);
    const arrive = (source: Endpoint): void => {
      bob.engine.openDatagram(initiation.slice(), 0, 148, source, 0, network.now);
    };
    for (let i = 0; i < 10; i++) arrive(stranger(1));
    bob.input((engine, now) => engine.finishBatch(now));
    network.eavesdropper.forget();
    network.drive(100);
    for (let i = 0; i < 500; i++) arrive(stranger(1));
    arrive(stranger(2));
    bob.input((engine, now) => engine.finishBatch(now));
    const replied = network.eavesdropper.of(COOKIE_REPLY, bob).map(({ to }) => to.address[3]);
    expect(replied.length).toBeLessThan(300);
    expect(replied.indexOf(2)).toBeLessThan(3);
    expect(replied.indexOf(2)).toBeGreaterThan(-1);
  });

  it('alternates between messages with and without a mac2', () => {
    const pair = createPair({ bob: { underLoad: { handshakesPerSecond: 5 } } });
    const { network, bob } = pair;
    const initiation = captured(pair);
    const forged = initiation.slice().fill(7, 132);
    network.drive(2000);
    for (let i = 0; i < 600; i++) {
      const message = i < 300 ? forged : initiation;
      bob.engine.openDatagram(message.slice(), 0, 148, stranger(i), 0, network.now);
    }
    bob.input((engine, now) => engine.finishBatch(now));
    const replied = network.eavesdropper.of(COOKIE_REPLY, bob).map(({ to }) => {
      return (to.address[2] ?? 0) * 256 + (to.address[3] ?? 0);
    });
    const isForged = replied.map((number) => number < 300);
    expect(isForged.slice(-100).filter(Boolean)).toHaveLength(50);
  });

  it('drops messages that have waited longer than their sender waits for an answer', () => {
    const pair = createPair({ bob: { underLoad: { handshakesPerSecond: 5 } } });
    const { network, bob } = pair;
    const { engine } = bob;
    const initiation = captured(pair);
    network.drive(2000);
    for (let i = 0; i < 1000; i++) {
      engine.openDatagram(initiation.slice(), 0, 148, stranger(i), 0, network.now);
    }
    engine.finishBatch(network.now);
    const done = engine.stats.sentCookieReplies;
    expect(engine.stats.drops.count('handshake-overflow')).toBe(0);
    engine.handleTimeout(network.now + 5000);
    expect(engine.stats.sentCookieReplies).toBe(done);
    expect(engine.stats.drops.count('handshake-overflow')).toBeGreaterThan(500);
    expect(engine.pollTimeout()).toBe(Infinity);
  });

  it('lets an honest peer connect with its first retry during a flood', () => {
    const pair = createPair({ bob: { underLoad: { handshakesPerSecond: 5 } } });
    const { network, alice, bob } = pair;
    const initiation = captured(pair);
    network.drive(2000);
    let number = 0;
    const flood = (): void => {
      for (let i = 0; i < FLOOD; i++) {
        network.inject(initiation, stranger(number++ % 50), bob.endpoint);
      }
    };
    const flooded = (ms: number): void => {
      for (let i = 0; i < ms; i += 10) {
        flood();
        network.drive(10);
      }
    };
    flooded(200);
    alice.send(packetBetween(alice, bob));
    flooded(4900);
    expect(network.eavesdropper.of(COOKIE_REPLY, bob).some(isFor(alice.endpoint))).toBe(true);
    const start = network.now;
    while (bob.packets.length === 0 && network.now < start + 1500) flooded(10);
    expect(bob.packets).toHaveLength(1);
    expect(alice.engine.stats.sentInitiations).toBe(2);
    expect(bob.engine.stats.drops.count('handshake-overflow')).toBeGreaterThan(1000);
  });

  it('forgets queued messages when the link goes down', () => {
    const pair = createPair();
    const { network, bob } = pair;
    const { engine } = bob;
    const initiation = captured(pair);
    for (let i = 0; i < 1200; i++) {
      engine.openDatagram(initiation.slice(), 0, 148, stranger(i), 0, network.now);
    }
    const { queue, screening } = stateOf(engine).handshakes;
    const { size } = queue;
    expect(size).toBeGreaterThan(500);
    // The budget is used up.
    screening.spend(1000, network.now);
    engine.linkDown(network.now);
    expect(queue.size).toBe(0);
    expect(engine.pollTimeout()).toBe(Infinity);
    expect(engine.stats.drops.count('link-down')).toBe(size);
  });
});

/** How many messages a flood sends in 10 ms. */
const FLOOD = Number(process.env['LITZ_TEST_FLOOD'] ?? 200);

/** Returns an initiation from a node that knows bob's public key, but is not a peer of bob. */
function captured({ network, bob }: Pair): Uint8Array {
  const mallory = joinNetwork(network, createPerson(66));
  introduce(mallory, bob.person);
  network.nodes.splice(network.nodes.indexOf(mallory), 1);
  return mallory.input((engine, now) => {
    engine.handlePacket(packetBetween(mallory, bob), now);
    return engine.pollTransmit()?.datagram.slice() ?? new Uint8Array(0);
  });
}

function transportMessage({ network, alice, bob }: Pair): Uint8Array {
  return alice.input((engine) => {
    engine.handlePacket(packetBetween(alice, bob), network.now);
    return engine.pollTransmit()?.datagram.slice() ?? new Uint8Array(0);
  });
}

function isFor(endpoint: Endpoint): (datagram: { to: Endpoint }) => boolean {
  return ({ to }) => to.sameDestination(endpoint);
}

function stranger(number: number): Endpoint {
  return new Endpoint(Uint8Array.of(198, 51, (number >> 8) & 0xff, number & 0xff), 4000);
}
