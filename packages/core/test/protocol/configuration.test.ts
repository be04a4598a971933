import {
  connect,
  createPair,
  createPerson,
  introduce,
  joinNetwork,
  packetBetween,
  SimulatedNetwork,
  type Pair,
  type Person,
} from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import {
  parsePresharedKey,
  type EngineChange,
  type EngineConfiguration,
  type PeerChange,
  type PrivateKey,
  type PublicKey,
} from '../../src/index.ts';

describe('private key', () => {
  it('ends the old sessions when it is changed, but messages in flight are still received', () => {
    const { network, alice, bob } = connected();
    bob.send(packetBetween(bob, alice));
    configure(alice, { privateKey: createPerson(3).privateKey });
    expect(alice.eventsOf('session').at(-1)).toMatchObject({ state: 'expired' });
    network.settle();
    expect(alice.packets).toHaveLength(1);
    network.eavesdropper.forget();
    alice.send(packetBetween(alice, bob));
    expect(network.eavesdropper.types(alice)).toEqual([1]);
    network.settle();
    // Bob does not know the new key.
    expect(bob.engine.stats.drops.count('unknown-peer')).toBe(1);
    introduce(bob, { ...createPerson(3), ipv4: alice.person.ipv4, endpoint: alice.endpoint });
    network.drive(6_000);
    expect(bob.packets).toHaveLength(2);
  });

  it('changes nothing when it is set to the same value', () => {
    const { network, alice, bob } = connected();
    configure(alice, { privateKey: alice.person.privateKey });
    network.eavesdropper.forget();
    alice.send(packetBetween(alice, bob));
    expect(network.eavesdropper.types()).toEqual([4]);
  });

  it('removes the peer that has the public key of our new private key', () => {
    const { alice, bob } = connected();
    configure(alice, { privateKey: bob.person.privateKey });
    expect(alice.engine.peers()).toEqual([]);
    expect(alice.send(packetBetween(alice, bob))).toBe('no-peer');
  });

  it('does not allow a peer with our own public key', () => {
    const { alice } = connected();
    configure(alice, { peers: [{ publicKey: alice.person.publicKey }] });
    expect(alice.engine.peers()).toHaveLength(1);
  });

  it('is clamped, is kept when zeros are refused, and is removed by null', () => {
    const { network, alice } = connected();
    const bytes = alice.person.privateKey.slice();
    bytes[0] |= 7;
    bytes[31] = (bytes[31] | 0x80) & ~0x40;
    configure(alice, { privateKey: bytes as PrivateKey });
    expect(alice.engine.publicKey).toEqual(alice.person.publicKey);
    expect(alice.eventsOf('session').map(({ state }) => state)).toEqual(['up']);
    const zeros = new Uint8Array(32) as PrivateKey;
    expect(() => configure(alice, { privateKey: zeros })).toThrow('got all zeros');
    expect(alice.engine.publicKey).toEqual(alice.person.publicKey);
    configure(alice, { privateKey: null });
    expect(alice.engine.publicKey).toBeUndefined();
    network.settle();
  });

  it('does not appear in any output', () => {
    const { alice } = connected();
    expect(JSON.stringify([alice.engine, alice.engine.peers()])).not.toContain('rivateKey');
  });
});

describe('preshared key', () => {
  it('is used from the next handshake on when it is changed, and the session continues', () => {
    const { network, alice, bob } = connected();
    const presharedKey = parsePresharedKey(new Uint8Array(32).fill(9));
    configure(alice, { peers: [{ publicKey: bob.person.publicKey, presharedKey }] });
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect(bob.packets).toHaveLength(2);

    network.drive(181_000);
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect(alice.engine.stats.drops.count('invalid-handshake')).toBe(1);
    configure(bob, { peers: [{ publicKey: alice.person.publicKey, presharedKey }] });
    network.drive(6_000);
    expect(bob.packets).toHaveLength(3);
    expect(alice.engine.peer(bob.person.publicKey)?.presharedKey).toEqual(presharedKey);
    configure(alice, { peers: [{ publicKey: bob.person.publicKey, presharedKey: null }] });
    expect(alice.engine.peer(bob.person.publicKey)).not.toHaveProperty('presharedKey');
  });
});

describe('peers', () => {
  it('lose their routes, session and deadlines when they are removed, and can be added again', () => {
    const { network, alice, bob } = connected();
    const late = network.eavesdropper.of(4, alice)[0]?.bytes ?? new Uint8Array(0);
    configure(bob, { peers: [{ publicKey: alice.person.publicKey, remove: true }] });
    expect(bob.receive(late.slice(), alice.endpoint)).toBe('unknown-index');
    expect(bob.send(packetBetween(bob, alice))).toBe('no-peer');
    expect(bob.engine.pollTimeout()).toBe(Infinity);
    expect(bob.engine.peer(alice.person.publicKey)).toBeUndefined();
    // The peer can be added again.
    introduce(bob, alice.person);
    bob.send(packetBetween(bob, alice));
    network.settle();
    expect(alice.packets).toHaveLength(1);
  });

  it('that are unknown are not added by a change with remove or with updateOnly', () => {
    const { alice } = connected();
    const { publicKey } = createPerson(9);
    configure(alice, {
      peers: [
        { publicKey, remove: true },
        { publicKey, updateOnly: true },
      ],
    });
    expect(alice.engine.peers()).toHaveLength(1);
  });

  it('are replaced as a whole', () => {
    const { alice } = connected();
    const { publicKey, endpoint } = createPerson(9);
    configure(alice, { replacePeers: true, peers: [{ publicKey, endpoint }] });
    expect(alice.engine.peers().map((peer) => peer.publicKey)).toEqual([publicKey]);
  });

  it('keep their allowed IPs, except those that are removed or replaced', () => {
    const { alice, bob } = connected();
    const { publicKey } = bob.person;
    const extra = { address: Uint8Array.of(10, 7, 3, 9), prefixLength: 16 };
    configure(alice, { peers: [{ publicKey, allowedIps: [extra] }] });
    const of = (): string[] =>
      (alice.engine.peer(publicKey)?.allowedIps ?? [])
        .map(({ address, prefixLength }) => `${address.join('.')}/${prefixLength}`)
        .filter((text) => text.length < 20);
    expect(of().sort()).toEqual(['10.0.0.2/32', '10.7.0.0/16']);
    configure(alice, { peers: [{ publicKey, allowedIps: [{ ...extra, remove: true }] }] });
    expect(of()).toEqual(['10.0.0.2/32']);
    configure(alice, { peers: [{ publicKey, replaceAllowedIps: true, allowedIps: [extra] }] });
    expect(of()).toEqual(['10.7.0.0/16']);
  });

  it('are sent the staged packets after they get a new endpoint', () => {
    const { network, alice, bob } = createPair();
    alice.send(packetBetween(alice, bob));
    const { publicKey } = bob.person;
    bob.endpoint = createPerson(8).endpoint;
    network.settle();
    expect(bob.packets).toEqual([]);
    configure(alice, { peers: [{ publicKey, endpoint: bob.endpoint }] });
    network.drive(6_000);
    expect(bob.packets).toHaveLength(1);
  });

  it('with a low-order public key are sent nothing', () => {
    for (const publicKey of lowOrderPoints()) {
      const network = new SimulatedNetwork();
      const node = joinNetwork(network, createPerson(1));
      const person = { ...createPerson(2), publicKey };
      introduce(node, person, { persistentKeepalive: 1 });
      expect(node.send(packetBetween(node, { person }))).toBe('peer-unusable');
      network.drive(200_000);
      expect(network.eavesdropper.datagrams).toEqual([]);
      expect(node.engine.pollTimeout()).toBe(Infinity);
    }
  });
});

describe('link', () => {
  it('drops sessions and staged packets when it goes down, and then neither sends nor receives', () => {
    const { network, alice, bob } = connected();
    alice.input((engine, now) => engine.linkDown(now));
    expect(alice.eventsOf('session').at(-1)).toMatchObject({ state: 'expired' });
    expect(alice.send(packetBetween(alice, bob))).toBe('link-down');
    bob.send(packetBetween(bob, alice));
    network.settle();
    expect(alice.packets).toEqual([]);
    expect(alice.engine.stats.drops.count('link-down')).toBe(2);
    alice.input((engine, now) => engine.linkUp(now));
    network.eavesdropper.forget();
    alice.send(packetBetween(alice, bob));
    expect(network.eavesdropper.types(alice)).toEqual([1]);
  });
});

describe('configure', () => {
  it.each<[string, unknown, RegExp]>([
    ['null instead of an object', null, /"change" expected an object, got null/],
    [
      'a short private key',
      { privateKey: new Uint8Array(31) },
      /"privateKey": private key: expected 32 bytes/,
    ],
    [
      'text that is not a key',
      { privateKey: 'AAAA' },
      /"privateKey": private key: .* 44 characters/,
    ],
    ['a key that is a number', { privateKey: 5 }, /"privateKey": private key: .* got number/],
    [
      'a key of another kind',
      withPeer({ presharedKey: createPerson(1).privateKey }),
      /"peers\[\d\].presharedKey": .* got a PrivateKey/,
    ],
    ['peers that are not an array', { peers: {} }, /"peers" expected an array, got Object/],
    ['a peer without key', { peers: [{}] }, /"peers\[\d\].publicKey": public key: .*undefined/],
    ['a keepalive that is too long', withPeer({ persistentKeepalive: 65536 }), /0 to 65535, got/],
    [
      'a keepalive that is not an integer',
      withPeer({ persistentKeepalive: 1.5 }),
      /0 to 65535, got/,
    ],
    ['a keepalive as text', withPeer({ persistentKeepalive: '5' }), /got a string/],
    [
      'an object that is not an endpoint',
      withPeer({ endpoint: {} }),
      /"peers\[\d\].endpoint" expected 'ADDRESS:PORT'/,
    ],
    [
      'an address of 5 bytes',
      withPeer({ allowedIps: [{ address: new Uint8Array(5), prefixLength: 1 }] }),
      /"peers\[\d\].allowedIps\[0\].address" expected 4 or 16 bytes, got 5/,
    ],
    [
      'a prefix length that is too large',
      withPeer({ allowedIps: [{ address: new Uint8Array(4), prefixLength: 33 }] }),
      /0 to 32, got 33/,
    ],
    [
      'a flag that is not a boolean',
      withPeer({ remove: 1 }),
      /"peers\[\d\].remove" expected true or false/,
    ],
    [
      'a short preshared key',
      withPeer({ presharedKey: new Uint8Array(3) }),
      /"peers\[\d\].presharedKey"/,
    ],
  ])('refuses %s, and applies no part of the change', (_, change, message) => {
    const { alice, bob } = connected();
    const good = { publicKey: createPerson(4).publicKey };
    const before = alice.engine.peers();
    const wrong = change as EngineConfiguration;
    expect(() => configure(alice, wrong)).toThrow(message);
    // The valid parts of a change come first, and are not applied either.
    const { privateKey } = createPerson(5);
    const peers = Array.isArray(wrong?.peers) ? [good, ...wrong.peers] : wrong?.peers;
    const mixed = { privateKey, replacePeers: true, ...wrong, ...(peers && { peers }) };
    if (wrong !== null) expectRefused(() => configure(alice, mixed), message);
    expect(alice.engine.peers()).toEqual(before);
    expect(alice.engine.publicKey).toEqual(alice.person.publicKey);
    expect(alice.engine.peer(bob.person.publicKey)?.sessionUp).toBe(true);
  });

  it('accepts keys as text', () => {
    const { network, alice, bob } = createPair();
    const [a, b] = [createPerson(3), createPerson(4)];
    const presharedKey = Buffer.alloc(32, 7).toString('base64');
    const peerOf = ({ publicKey }: Person): readonly PeerChange[] => [
      { publicKey: publicKey.toBase64(), presharedKey },
    ];
    configure(alice, { privateKey: a.privateKey.toBase64(), replacePeers: true, peers: peerOf(b) });
    configure(bob, { privateKey: b.privateKey.toBase64(), replacePeers: true, peers: peerOf(a) });
    introduce(alice, { ...b, ipv4: bob.person.ipv4, endpoint: bob.endpoint });
    introduce(bob, { ...a, ipv4: alice.person.ipv4, endpoint: alice.endpoint });
    expect(alice.engine.publicKey).toEqual(a.publicKey);
    expect(alice.engine.privateKey).toEqual(a.privateKey);
    expect(alice.engine.hasPeer(b.publicKey.toBase64())).toBe(true);
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect(alice.engine.peer(b.publicKey.toBase64())?.sessionUp).toBe(true);
    expect(() => alice.engine.hasPeer('AAAA')).toThrow('"publicKey": public key: expected');
  });

  it.each([false, 0, '', null, {}])(
    'refuses %j as allowed IPs, and changes nothing',
    (allowedIps) => {
      const { alice } = createPair();
      const before = alice.engine.peers();
      const [carol, dave] = [createPerson(3), createPerson(4)];
      const peers = [{ publicKey: carol.publicKey }, { publicKey: dave.publicKey, allowedIps }];
      expectRefused(
        () => configure(alice, { peers: peers as never }),
        /"peers\[1\]\.allowedIps" expected an array/,
      );
      expect(alice.engine.peers()).toEqual(before);
    },
  );

  it('copies its arguments', () => {
    const network = new SimulatedNetwork();
    const node = joinNetwork(network, createPerson(1));
    const bob = createPerson(2);
    const publicKey = bob.publicKey.slice() as PublicKey;
    const address = bob.ipv4.slice();
    const allowedIps = [{ address, prefixLength: 32 }];
    configure(node, { peers: [{ publicKey, allowedIps }] });
    publicKey.fill(0);
    address.fill(0);
    expect(node.engine.peer(bob.publicKey)?.allowedIps).toMatchObject([{ address: bob.ipv4 }]);
  });
});

function expectRefused(action: () => void, message: RegExp): void {
  expect(action).toThrow(message);
}

function connected(): Pair {
  const pair = createPair();
  connect(pair);
  return pair;
}

function configure(node: Pair['alice'], change: EngineChange): void {
  node.input((engine, now) => engine.configure(change, now));
}

function withPeer(fields: Record<string, unknown>): unknown {
  return { peers: [{ publicKey: createPerson(3).publicKey, ...fields }] };
}

/**
 * Returns the seven encodings of the five points of low order. Two points have a second encoding,
 * which is not below the prime.
 */
function lowOrderPoints(): PublicKey[] {
  const hex = [
    '00'.repeat(32),
    `01${'00'.repeat(31)}`,
    'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
    '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
    `ec${'ff'.repeat(30)}7f`,
    `ed${'ff'.repeat(30)}7f`,
    `ee${'ff'.repeat(30)}7f`,
  ];
  return hex.map((text) => Uint8Array.from(Buffer.from(text, 'hex')) as PublicKey);
}
