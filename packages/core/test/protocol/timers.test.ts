import { connect, createPair, packetBetween, type Pair, type SimulatedNode } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { MESSAGE_TYPE } from '../../src/internals.ts';

const { HANDSHAKE_INITIATION, TRANSPORT_DATA } = MESSAGE_TYPE;

describe('rekey', () => {
  it('is started by the initiator when it sends after 120 s, and not before', () => {
    const { pair, network, alice, bob } = connected();
    network.drive(119_000);
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect(initiations(pair, alice)).toHaveLength(1);
    network.drive(1_000);
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect(initiations(pair, alice)).toHaveLength(2);
    expect(alice.eventsOf('session').map(({ state }) => state)).toEqual(['up', 'renewed']);
    expect(bob.eventsOf('session').map(({ state }) => state)).toEqual(['up', 'renewed']);
  });

  it('happens once, however much is sent', () => {
    const { pair, network, alice, bob } = connected();
    network.drive(121_000);
    for (let i = 0; i < 100; i++) {
      alice.send(packetBetween(alice, bob));
      network.drive(10);
    }
    expect(initiations(pair, alice)).toHaveLength(2);
    expect(bob.packets).toHaveLength(101);
  });

  it('is not started by the responder', () => {
    const { pair, network, alice, bob } = connected();
    for (let second = 0; second < 164; second++) {
      network.drive(1000);
      bob.send(packetBetween(bob, alice));
    }
    expect(initiations(pair, bob)).toEqual([]);
  });

  it('is started only once, after 165 s, by an initiator that receives but does not send', () => {
    const { pair, network, alice, bob } = connected();
    network.drive(164_000);
    network.eavesdropper.forget();
    bob.send(packetBetween(bob, alice));
    network.settle();
    expect(initiations(pair, alice)).toEqual([]);
    network.drive(1_000);
    bob.send(packetBetween(bob, alice));
    network.settle();
    expect(initiations(pair, alice)).toHaveLength(1);
    bob.send(packetBetween(bob, alice));
    network.settle();
    expect(initiations(pair, alice)).toHaveLength(1);
  });

  it('is also started by the responder, after rekeyAfterMessages messages', () => {
    const limits = { rekeyAfterMessages: 20 };
    const { pair, network, alice, bob } = connected({ alice: {}, bob: { limits } });
    network.drive(6_000);
    for (let i = 0; i < 25; i++) {
      bob.send(packetBetween(bob, alice));
      network.settle();
    }
    expect(initiations(pair, bob)).toHaveLength(1);
    expect(alice.packets).toHaveLength(25);
    expect(bob.eventsOf('session').map(({ state }) => state)).toEqual(['up', 'renewed']);
  });
});

describe('a session', () => {
  it('sends nothing after 180 s: the next packet waits for a handshake', () => {
    const { network, alice, bob } = connected();
    network.drive(180_000);
    expect(alice.eventsOf('session').map(({ state }) => state)).toEqual(['up', 'expired']);
    network.eavesdropper.forget();
    alice.send(packetBetween(alice, bob));
    expect(network.eavesdropper.types()).toEqual([HANDSHAKE_INITIATION]);
    network.settle();
    expect(bob.packets).toHaveLength(2);
    expect(alice.eventsOf('session').map(({ state }) => state)).toEqual(['up', 'expired', 'up']);
  });

  it('receives nothing after 180 s', () => {
    const { network, alice, bob } = connected();
    network.drive(179_950);
    alice.send(packetBetween(alice, bob));
    const late = network.eavesdropper.of(TRANSPORT_DATA, alice).at(-1);
    network.settle();
    expect(bob.packets).toHaveLength(2);
    network.drive(100);
    const drop = bob.receive(late?.bytes.slice() ?? new Uint8Array(0), alice.endpoint);
    expect(drop).toBe('expired-keypair');
  });

  it('sends and receives no message whose counter is rejectAfterMessages or more', () => {
    const limits = { rejectAfterMessages: 10 };
    const { network, alice, bob } = connected({ alice: { limits }, bob: {} });
    network.loses = ({ bytes }) => bytes[0] === HANDSHAKE_INITIATION;
    network.drive(6_000);
    network.eavesdropper.forget();
    for (let i = 0; i < 20; i++) alice.send(packetBetween(alice, bob));
    // Counter 0 was used for the first packet.
    expect(network.eavesdropper.of(TRANSPORT_DATA, alice)).toHaveLength(9);
    expect(alice.eventsOf('session').at(-1)).toMatchObject({ state: 'expired' });
    // The staged packets are sent in the new session.
    network.loses = () => false;
    network.drive(12_000);
    expect(bob.packets).toHaveLength(21);

    const strict = connected({ alice: {}, bob: { limits } });
    for (let i = 0; i < 20; i++) strict.alice.send(packetBetween(strict.alice, strict.bob));
    strict.network.settle();
    expect(strict.bob.engine.stats.drops.count('counter-limit')).toBe(11);
  });
});

describe('retries', () => {
  it('come every 5 s with a jitter of 0 to 333 ms, 20 initiations in all, and then end', () => {
    const { network, alice, bob } = createPair();
    network.loses = () => true;
    alice.send(packetBetween(alice, bob));
    alice.send(packetBetween(alice, bob));
    network.drive(200_000);
    const sends = network.eavesdropper.datagrams;
    expect(sends).toHaveLength(20);
    const gaps = sends.slice(1).map(({ at }, i) => at - (sends[i]?.at ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(5000);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(5333);
    expect(new Set(gaps).size).toBeGreaterThan(10);
    expect(alice.eventsOf('handshake-failed')).toEqual([
      { type: 'handshake-failed', peer: bob.person.publicKey },
    ]);
    expect(alice.engine.stats.drops.toJSON()).toEqual({ 'handshake-timeout': 2 });
  });

  it('start again with the next packet', () => {
    const { network, alice, bob } = createPair();
    network.loses = () => true;
    alice.send(packetBetween(alice, bob));
    network.drive(200_000);
    network.loses = () => false;
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect(bob.packets).toHaveLength(1);
  });

  it('are counted from the last packet that the program gave to the engine', () => {
    const { network, alice, bob } = createPair();
    network.loses = () => true;
    alice.send(packetBetween(alice, bob));
    network.drive(60_000);
    alice.send(packetBetween(alice, bob));
    network.drive(60_000);
    expect(alice.eventsOf('handshake-failed')).toEqual([]);
    network.drive(60_000);
    expect(alice.eventsOf('handshake-failed')).toHaveLength(1);
  });

  it('end exactly after handshakeGiveUpMs if that is set, even if packets keep coming', () => {
    const { network, alice, bob } = createPair({ alice: { handshakeGiveUpMs: 12_000 } });
    network.loses = () => true;
    const start = network.now;
    for (let i = 0; i < 11; i++) {
      alice.send(packetBetween(alice, bob));
      network.drive(1_000);
    }
    network.drive(999.5);
    expect(alice.eventsOf('handshake-failed')).toEqual([]);
    network.drive(0.5);
    expect(network.now).toBe(start + 12_000);
    expect(alice.eventsOf('handshake-failed')).toHaveLength(1);
    expect(network.eavesdropper.datagrams).toHaveLength(3);
  });

  it('succeed when the loss ends', () => {
    const { network, alice, bob } = createPair();
    network.drop(3);
    alice.send(packetBetween(alice, bob));
    network.drive(20_000);
    expect(bob.packets).toHaveLength(1);
    expect(alice.engine.stats.sentInitiations).toBe(4);
  });
});

describe('passive keepalive', () => {
  it('answers data after exactly 10 s if nothing was sent', () => {
    const { network, alice, bob } = connected();
    const received = network.now;
    network.eavesdropper.forget();
    network.drive(9_999);
    expect(network.eavesdropper.datagrams).toEqual([]);
    network.drive(1);
    const [keepalive, ...others] = network.eavesdropper.datagrams;
    expect(others).toEqual([]);
    expect(keepalive).toMatchObject({ at: received + 10_000, from: bob.endpoint });
    expect(keepalive?.bytes).toHaveLength(32);
    expect(alice.engine.stats.drops.toJSON()).toEqual({});
  });

  it('is timed from the first packet that was not answered', () => {
    const { network, alice, bob } = connected();
    const received = network.now;
    network.drive(4_000);
    alice.send(packetBetween(alice, bob));
    network.drive(4_000);
    alice.send(packetBetween(alice, bob));
    network.eavesdropper.forget();
    network.driveUntil(() => network.eavesdropper.types(bob).length > 0);
    expect(network.now).toBe(received + 10_000);
  });

  it('is sent once more if data arrived while the first keepalive was pending', () => {
    const { network, alice, bob } = connected();
    network.drive(5_000);
    alice.send(packetBetween(alice, bob));
    network.drive(60_000);
    expect(network.eavesdropper.of(TRANSPORT_DATA, bob)).toHaveLength(2);
  });

  it('is not sent if anything else was sent', () => {
    const { network, alice, bob } = connected();
    network.drive(5_000);
    bob.send(packetBetween(bob, alice));
    network.settle();
    network.eavesdropper.forget();
    network.drive(9_000);
    expect(network.eavesdropper.datagrams).toEqual([]);
  });

  it('is not answered with a keepalive', () => {
    const { network } = connected();
    network.drive(100_000);
    network.eavesdropper.forget();
    network.drive(70_000);
    expect(network.eavesdropper.datagrams).toEqual([]);
  });
});

describe('new handshake', () => {
  it('begins 15 s and a jitter after data without an answer', () => {
    const { network, alice, bob } = connected();
    network.drive(20_000);
    network.loses = ({ from }) => from.sameDestination(bob.endpoint);
    network.eavesdropper.forget();
    const sent = network.now;
    alice.send(packetBetween(alice, bob));
    network.drive(5_000);
    // The time counts from the first packet.
    alice.send(packetBetween(alice, bob));
    network.driveUntil(() => network.eavesdropper.of(HANDSHAKE_INITIATION).length > 0);
    expect(network.now).toBeGreaterThanOrEqual(sent + 15_000);
    expect(network.now).toBeLessThanOrEqual(sent + 15_333);
  });

  it('does not begin after an answer', () => {
    const { pair, network, alice, bob } = connected();
    network.drive(1_000);
    bob.send(packetBetween(bob, alice));
    network.drive(60_000);
    expect(initiations(pair, alice)).toHaveLength(1);
    expect(initiations(pair, bob)).toEqual([]);
  });
});

describe('the wiping of keys', () => {
  it('happens 540 s after the last handshake, and then there are no more deadlines', () => {
    const { network, alice, bob } = connected();
    const [datagram] = network.eavesdropper.of(TRANSPORT_DATA, alice);
    const bytes = datagram?.bytes ?? new Uint8Array(0);
    network.drive(539_900);
    expect(bob.receive(bytes.slice(), alice.endpoint)).toBe('expired-keypair');
    network.drive(200);
    expect(bob.receive(bytes.slice(), alice.endpoint)).toBe('unknown-index');
    expect(alice.engine.pollTimeout()).toBe(Infinity);
    expect(bob.engine.pollTimeout()).toBe(Infinity);
  });
});

describe('persistent keepalive', () => {
  it('is sent after the interval of silence, and data delays it', () => {
    const pair = createPair({ bobAsPeer: { persistentKeepalive: 5 } });
    const { network, alice, bob } = pair;
    network.settle();
    network.eavesdropper.forget();
    network.drive(4_000);
    alice.send(packetBetween(alice, bob));
    network.drive(4_000);
    expect(network.eavesdropper.types(alice)).toEqual([TRANSPORT_DATA]);
    network.drive(1_000);
    const sizes = network.eavesdropper.of(TRANSPORT_DATA, alice).map(({ bytes }) => bytes.length);
    expect(sizes).toEqual([64, 32]);
  });

  it('is delayed by received data too', () => {
    const pair = createPair({ bobAsPeer: { persistentKeepalive: 5 } });
    const { network, alice, bob } = pair;
    network.settle();
    network.eavesdropper.forget();
    for (let i = 0; i < 9; i++) {
      network.drive(1_000);
      bob.send(packetBetween(bob, alice));
      network.settle();
    }
    expect(network.eavesdropper.types(alice)).toEqual([]);
  });

  it('keeps a session alive over rekeys, without any other traffic', () => {
    const pair = createPair({ bobAsPeer: { persistentKeepalive: 25 } });
    const { network, alice, bob } = pair;
    network.drive(1_000_000);
    expect(alice.engine.peer(bob.person.publicKey)?.sessionUp).toBe(true);
    expect(alice.eventsOf('session').filter(({ state }) => state === 'expired')).toEqual([]);
    // Bob answers no keepalive.
    const spoken = network.eavesdropper.of(TRANSPORT_DATA, bob);
    expect(spoken).toEqual([]);
  });

  it('is sent at once when it is turned on, but not when its interval changes', () => {
    const { network, alice, bob } = connected();
    network.drive(1_000);
    network.eavesdropper.forget();
    setKeepalive(alice, bob, 30);
    expect(network.eavesdropper.types(alice)).toEqual([TRANSPORT_DATA]);
    setKeepalive(alice, bob, 20);
    expect(network.eavesdropper.types(alice)).toEqual([TRANSPORT_DATA]);
    setKeepalive(alice, bob, 0);
    network.drive(100_000);
    expect(network.eavesdropper.types(alice)).toEqual([TRANSPORT_DATA]);
    setKeepalive(alice, bob, 30);
    expect(network.eavesdropper.types(alice)).toEqual([TRANSPORT_DATA, TRANSPORT_DATA]);
  });

  it('follows a shorter interval at once', () => {
    const { network, alice, bob } = connected({ bobAsPeer: { persistentKeepalive: 65_535 } });
    network.settle();
    setKeepalive(alice, bob, 3);
    network.eavesdropper.forget();
    network.drive(3_000);
    expect(network.eavesdropper.types(alice)).toEqual([TRANSPORT_DATA]);
  });

  it('starts a handshake at once on link-up, and is not sent while the link is down', () => {
    const { network, alice, bob } = connected({ bobAsPeer: { persistentKeepalive: 25 } });
    network.drive(1_000);
    alice.input((engine, now) => engine.linkDown(now));
    expect(alice.engine.pollTimeout()).toBe(Infinity);
    network.eavesdropper.forget();
    network.drive(60_000);
    expect(network.eavesdropper.types(alice)).toEqual([]);
    alice.input((engine, now) => engine.linkUp(now));
    expect(network.eavesdropper.types(alice)).toEqual([HANDSHAKE_INITIATION]);
    network.settle();
    expect(alice.engine.peer(bob.person.publicKey)?.sessionUp).toBe(true);
  });

  it('lets a handshake without an answer fail as usual, and starts a new handshake after the interval', () => {
    const { network, alice } = createPair({ bobAsPeer: { persistentKeepalive: 2 } });
    network.loses = () => true;
    network.drop(1000);
    network.drive(130_000);
    expect(alice.eventsOf('handshake-failed')).toHaveLength(1);
    expect(alice.engine.stats.sentInitiations).toBeGreaterThan(20);
  });

  it('has no deadline while the peer has no endpoint', () => {
    const pair = createPair();
    const { alice, bob } = pair;
    alice.input((engine, now) => {
      engine.configure({ replacePeers: true }, now);
      const publicKey = bob.person.publicKey;
      engine.configure({ peers: [{ publicKey, persistentKeepalive: 5 }] }, now);
    });
    expect(alice.engine.pollTimeout()).toBe(Infinity);
    alice.input((engine, now) => {
      const { publicKey, endpoint } = bob.person;
      engine.configure({ peers: [{ publicKey, endpoint }] }, now);
    });
    expect(pair.network.eavesdropper.types(alice)).toEqual([HANDSHAKE_INITIATION]);
  });
});

describe('suspended time', () => {
  it('expires old keys: after a long sleep a packet waits for a new handshake', () => {
    const { network, alice, bob } = connected();
    network.now += 8 * 3600_000;
    network.eavesdropper.forget();
    // The packet comes before `handleTimeout` is called.
    alice.send(packetBetween(alice, bob));
    expect(network.eavesdropper.types(alice)).toEqual([HANDSHAKE_INITIATION]);
    alice.timeout();
    bob.timeout();
    network.settle();
    expect(bob.packets).toHaveLength(2);
    expect(alice.eventsOf('session').map(({ state }) => state)).toEqual(['up', 'expired', 'up']);
  });
});

function connected(options: Parameters<typeof createPair>[0] = {}): Pair & { pair: Pair } {
  const pair = createPair(options);
  connect(pair);
  return { pair, ...pair };
}

function initiations({ network }: Pair, from: SimulatedNode): unknown[] {
  return network.eavesdropper.of(HANDSHAKE_INITIATION, from);
}

function setKeepalive(node: Pair['alice'], other: Pair['bob'], seconds: number): void {
  const { publicKey } = other.person;
  node.input((engine, now) => {
    engine.configure({ peers: [{ publicKey, persistentKeepalive: seconds }] }, now);
  });
}
