import { connect, createPair, createPerson, packetBetween, type Pair } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { stateOf } from '../../src/engine.ts';
import { parsePresharedKey } from '../../src/index.ts';
import type { Keypair } from '../../src/peer/keypairs.ts';
import type { Peer } from '../../src/peer/peer.ts';
import { takeOver } from './taken-over.ts';

/** A field that is neither saved nor named here as left out would be lost in an upgrade. */
describe('a handed-over state', () => {
  it('has every field of a peer, except those that are found again', () => {
    const { alice } = busyPair();
    check(peerOf(alice), () => takeOver(alice) && peerOf(alice), [
      // These follow from the keys and from the place of the peer.
      ...['id', 'nextId', 'number', 'slot'],
      // These are found again with the next initiation and the next datagram.
      ...['turnAt', 'carrier', 'carriedAt'],
    ]);
  });

  it('has every field of a pair of static keys and of its handshake', () => {
    const { alice } = busyPair();
    const pairOf = (): object => peerOf(alice).pair!;
    check(pairOf(), () => takeOver(alice) && pairOf(), ['turnAt', 'index']);
    // The static-static secret is computed again. The state of a handshake is a text.
    const handshakeOf = (): object => peerOf(alice).pair!.handshake;
    check(handshakeOf(), () => takeOver(alice) && handshakeOf(), ['staticStatic', 'state']);
  });

  it('has every field of a session, and skips counters', () => {
    const { alice } = busyPair();
    const sessionOf = (): Keypair => peerOf(alice).keypairs.current!;
    const before = sessionOf();
    // The limits are options of the engine. Indices are keys of a table, so they are not changed here.
    const leftOut = ['sendCounter', 'limits', 'localIndex'];
    check(before, () => takeOver(alice) && sessionOf(), leftOut);
    expect(sessionOf().localIndex).toBe(before.localIndex);
    expect(sessionOf().sendCounter).toBeGreaterThan(before.sendCounter);
    const keypairs = (): object => peerOf(alice).keypairs;
    check(keypairs(), () => takeOver(alice) && keypairs(), []);
  });

  it('has every counter of the engine', () => {
    const { alice } = busyPair();
    check(alice.engine.stats, () => takeOver(alice) && alice.engine.stats, []);
  });

  it('has every part of the engine, except what an engine is made of and what is found again', () => {
    const { alice } = busyPair();
    expect(Object.keys(stateOf(alice.engine)).toSorted()).toEqual(
      [
        // Saved.
        ...['mtu', 'up', 'identity', 'macChecker', 'nextIdentity', 'nextMacChecker', 'timestamps'],
        ...['peers', 'peersBySlot', 'lastPeerNumber', 'allowedIps', 'indices', 'timers', 'stats'],
        // Options, and objects without a state.
        ...['crypto', 'randomBytes', 'unixTime', 'limits', 'giveUpMs', 'jitter'],
        // What is known about loads and floods. The budgets begin anew, and so do turns.
        ...['handshakes', 'initiations', 'probes', 'load', 'rateLimiter', 'unreachableLimit'],
        ...['roams', 'routingLoops'],
        // Empty while nothing is in progress. A capture ends.
        ...['outputs', 'handshakeMessages', 'sent', 'received', 'observer'],
      ].toSorted(),
    );
  });
});

/**
 * Gives each number and flag another value, and expects that they and the objects are there after a
 * hand-over.
 */
function check(before: object, after: () => unknown, leftOut: readonly string[]): void {
  const fields = before as Record<string, unknown>;
  const names = Object.keys(fields).filter((name) => !leftOut.includes(name));
  for (const [i, name] of names.entries()) {
    const value = fields[name];
    if (typeof value === 'number') fields[name] = 1_000_000 + i;
    else if (typeof value === 'boolean') fields[name] = !value;
  }
  const found = after() as Record<string, unknown>;
  expect(found).not.toBe(before);
  for (const name of names) {
    const value = fields[name];
    if (typeof value === 'object')
      expect({ [name]: kindOf(found[name]) }).toEqual({ [name]: kindOf(value) });
    else expect({ [name]: found[name] }).toEqual({ [name]: value });
  }
}

function kindOf(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return typeof value;
}

/** Alice has a value in each field of her peer: keys that change, a preshared key, a packet that waits. */
function busyPair(): Pair {
  const pair = createPair();
  connect(pair);
  const { network, alice, bob } = pair;
  for (const [node, other] of [
    [alice, bob],
    [bob, alice],
  ] as const) {
    const { publicKey } = other.person;
    const presharedKey = parsePresharedKey(new Uint8Array(32).fill(9));
    node.input((engine, now) => engine.configure({ peers: [{ publicKey, presharedKey }] }, now));
  }
  const nextPublicKey = createPerson(12).publicKey;
  const { privateKey: nextPrivateKey } = createPerson(11);
  const peers = [{ publicKey: bob.person.publicKey, nextPublicKey }];
  alice.input((engine, now) => engine.configure({ nextPrivateKey, peers }, now));
  network.drive(130_000);
  alice.send(packetBetween(alice, bob));
  network.drive(7000);
  // The session ends, and the next packet waits for an answer.
  network.nodes.splice(network.nodes.indexOf(bob), 1);
  peerOf(alice).keypairs.current!.canSend = false;
  alice.send(packetBetween(alice, bob));
  return pair;
}

function peerOf({ engine }: Pair['alice']): Peer {
  return stateOf(engine).peers.values().next().value!;
}
