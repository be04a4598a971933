import { createPerson, type Person } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { Endpoint } from '../../src/endpoint.ts';
import { contactPeers } from '../../src/flow/configuration.ts';
import { updateEndpoint } from '../../src/flow/session-lifecycle.ts';
import { isZeroKey, keyId, parsePresharedKey } from '../../src/keys.ts';
import type { Peer } from '../../src/peer/peer.ts';
import { TIMER } from '../../src/peer/timer-table.ts';
import { sentAt, stage, withSession, type WithSession } from './with-session.ts';

const [NEXT, CAROL, DAVE] = [7, 8, 9].map((number) => createPerson(number));

describe('a new peer', () => {
  it('gets a slot, a number and an entry in each table, and a peer event is emitted', () => {
    const { state, engine, now, events } = inside();
    state.outputs.traces = true;
    state.outputs.emitsPeerEvents = true;
    const before = state.lastPeerNumber;
    for (const { publicKey } of [CAROL, DAVE]) engine.configure({ peers: [{ publicKey }] }, now);
    const [carol, dave] = [CAROL, DAVE].map((person) => peerOf(state, person)!);
    expect([carol.number, dave.number]).toEqual([before + 1, before + 2]);
    expect(state.peersBySlot[carol.slot]).toBe(carol);
    expect(state.peersBySlot[dave.slot]).toBe(dave);
    expect(events()).toMatchObject([
      { type: 'trace', step: 'peer-added', peer: CAROL.publicKey },
      { type: 'peer', change: 'updated', peer: CAROL.publicKey },
      { type: 'trace', step: 'peer-added', peer: DAVE.publicKey },
      { type: 'peer', change: 'updated', peer: DAVE.publicKey },
    ]);
  });

  it('is not added if the change only updates, promotes or removes, or has a key of our own', () => {
    const { state, engine, now, alice } = inside();
    engine.configure({ nextPrivateKey: NEXT.privateKey }, now);
    const { publicKey } = CAROL;
    for (const change of [
      { publicKey, updateOnly: true },
      { publicKey, promotePublicKey: true },
      { publicKey, remove: true },
      { publicKey: alice.person.publicKey },
      { publicKey: NEXT.publicKey },
    ]) {
      engine.configure({ peers: [change] }, now);
      expect(state.peers.size).toBe(1);
    }
  });
});

describe('a peer that is removed', () => {
  it('leaves no routes, no slot, no deadlines and no secrets', () => {
    const { state, peer, engine, now, bob, events } = inside();
    const { publicKey, ipv4 } = bob.person;
    engine.configure(
      { peers: [{ publicKey, presharedKey: new Uint8Array(32).fill(5) as never }] },
      now,
    );
    const secrets = [peer.presharedKey!, peer.pair!.handshake.staticStatic!];
    let cleared = 0;
    peer.pair!.macs!.clear = () => void cleared++;
    state.outputs.traces = true;
    state.outputs.emitsPeerEvents = true;
    stage(peer, 2);
    events();
    engine.configure({ peers: [{ publicKey, remove: true }] }, now);
    expect(state.allowedIps.lookup(ipv4, 0, 4)).toBeUndefined();
    expect(state.peersBySlot[peer.slot]).toBeUndefined();
    expect(state.peers.size).toBe(0);
    expect(state.timers.allocate()).toBe(peer.slot);
    expect(secrets.map(isZeroKey)).toEqual([true, true]);
    expect(cleared).toBe(1);
    expect(peer.presharedKey).toBeUndefined();
    expect(state.stats.drops.toJSON()).toEqual({ 'peer-removed': 2 });
    expect(events()).toMatchObject([
      { type: 'session', state: 'expired' },
      { type: 'trace', step: 'peer-removed' },
      { type: 'peer', change: 'removed' },
    ]);
  });

  it('is removed together with all other peers when the peers are replaced', () => {
    const { state, engine, now } = inside();
    engine.configure({ replacePeers: true, peers: [{ publicKey: CAROL.publicKey }] }, now);
    expect([...state.peers.values()]).toEqual([peerOf(state, CAROL)]);
  });

  it('loses only its next key if the change names it by that key', () => {
    const { state, peer, engine, now, bob } = inside();
    const { publicKey } = bob.person;
    engine.configure({ peers: [{ publicKey, nextPublicKey: NEXT.publicKey }] }, now);
    expect(peer.nextKey).toEqual(NEXT.publicKey);
    engine.configure({ peers: [{ publicKey: NEXT.publicKey, remove: true }] }, now);
    expect([peer.nextKey, peerOf(state, bob.person)]).toEqual([undefined, peer]);
  });
});

describe('the keys of a peer', () => {
  it('are promoted if the change names the peer by the next key, or has promotePublicKey', () => {
    const { peer, engine, now, bob } = inside();
    const { publicKey } = bob.person;
    const nextPublicKey = NEXT.publicKey;
    engine.configure({ peers: [{ publicKey, nextPublicKey }] }, now);
    engine.configure({ peers: [{ publicKey: nextPublicKey }] }, now);
    expect([peer.publicKey, peer.nextKey]).toEqual([nextPublicKey, undefined]);
    engine.configure(
      { peers: [{ publicKey: nextPublicKey, nextPublicKey: publicKey, promotePublicKey: true }] },
      now,
    );
    expect([peer.publicKey, peer.nextKey]).toEqual([publicKey, undefined]);
  });

  it('cannot be our own keys or the keys of another peer; the next key can be removed', () => {
    const { state, peer, engine, now, alice, bob } = inside();
    const { publicKey } = bob.person;
    engine.configure(
      { nextPrivateKey: NEXT.privateKey, peers: [{ publicKey: CAROL.publicKey }] },
      now,
    );
    for (const nextPublicKey of [alice.person.publicKey, NEXT.publicKey, CAROL.publicKey]) {
      engine.configure({ peers: [{ publicKey, nextPublicKey }] }, now);
      expect(peer.nextKey).toBeUndefined();
    }
    expect(peerOf(state, CAROL)!.nextKey).toBeUndefined();
    engine.configure({ peers: [{ publicKey, nextPublicKey: DAVE.publicKey }] }, now);
    engine.configure({ peers: [{ publicKey }] }, now);
    expect(peer.nextKey).toEqual(DAVE.publicKey);
    engine.configure({ peers: [{ publicKey, nextPublicKey: null }] }, now);
    expect(peer.nextKey).toBeUndefined();
  });

  it('are removed when they become our keys, and so is a peer that has no other key', () => {
    const { state, peer, engine, now, bob } = inside();
    const { publicKey } = bob.person;
    engine.configure(
      {
        peers: [{ publicKey, nextPublicKey: NEXT.publicKey }, { publicKey: CAROL.publicKey }],
      },
      now,
    );
    engine.configure({ nextPrivateKey: NEXT.privateKey }, now);
    expect(peer.nextKey).toBeUndefined();
    engine.configure({ privateKey: CAROL.privateKey }, now);
    expect([...state.peers.values()]).toEqual([peer]);
  });

  it('include a preshared key, which is wiped when it is replaced', () => {
    const { peer, engine, now, bob } = inside();
    const { publicKey } = bob.person;
    const [first, second] = [5, 6].map((byte) => parsePresharedKey(new Uint8Array(32).fill(byte)));
    engine.configure({ peers: [{ publicKey, presharedKey: first }] }, now);
    const kept = peer.presharedKey!;
    engine.configure({ peers: [{ publicKey }] }, now);
    expect(peer.presharedKey).toBe(kept);
    engine.configure({ peers: [{ publicKey, presharedKey: second }] }, now);
    expect(isZeroKey(kept)).toBe(true);
    expect(peer.presharedKey).toEqual(second);
    expect(() => engine.configure({ peers: [{ publicKey, presharedKey: 'x' }] }, now)).toThrow(
      /presharedKey/,
    );
  });
});

describe('the name of an endpoint', () => {
  const named = { publicKey: CAROL.publicKey, endpointName: 'vpn.example:1' };

  it('is kept until it is changed, removed with an empty text, or removed with its peer', () => {
    const { engine, now } = inside();
    const { publicKey } = CAROL;
    const name = (): string | undefined => engine.peer(publicKey)?.endpointName;
    engine.configure({ peers: [named] }, now);
    engine.configure({ peers: [{ publicKey, persistentKeepalive: 25 }] }, now);
    expect(name()).toBe('vpn.example:1');
    engine.configure({ peers: [{ publicKey, endpointName: 'other.example:2' }] }, now);
    expect(name()).toBe('other.example:2');
    engine.configure({ peers: [{ publicKey, endpointName: '' }] }, now);
    expect(engine.peer(publicKey)).not.toHaveProperty('endpointName');
    engine.configure({ peers: [named] }, now);
    engine.configure({ peers: [{ publicKey, remove: true }, { publicKey }] }, now);
    expect(engine.peer(publicKey)).not.toHaveProperty('endpointName');
    engine.configure({ peers: [named] }, now);
    engine.configure({ replacePeers: true, peers: [{ publicKey }] }, now);
    expect(engine.peer(publicKey)).not.toHaveProperty('endpointName');
  });

  it('is not set if any part of the change is wrong, or if an update names an unknown peer', () => {
    const { engine, now } = inside();
    const wrong = { publicKey: CAROL.publicKey, endpointName: 'vpn.example' };
    expect(() => engine.configure({ peers: [named, wrong] }, now)).toThrow('peers[1].endpointName');
    engine.configure({ peers: [{ ...named, updateOnly: true }] }, now);
    expect(engine.hasPeer(CAROL.publicKey)).toBe(false);
  });

  it('is reported for a look-up at once only if the peer has no endpoint', () => {
    const { peer, engine, now, bob, events } = inside();
    events();
    const { publicKey } = bob.person;
    engine.configure({ peers: [{ publicKey, endpointName: 'vpn.example:1' }] }, now);
    expect(peer.endpointName).toBe('vpn.example:1');
    expect(events()).toEqual([]);
    engine.configure({ peers: [{ ...named, endpoint: bob.endpoint }] }, now);
    engine.configure({ peers: [{ publicKey: CAROL.publicKey, remove: true }] }, now);
    expect(events()).toEqual([]);
    engine.configure({ peers: [named] }, now);
    const { publicKey: carol, endpointName } = named;
    expect(events()).toEqual([
      { type: 'unanswered', peer: carol, endpointName, endpoint: undefined },
    ]);
    engine.configure({ peers: [{ publicKey: carol, endpointName: '' }] }, now);
    expect(events()).toEqual([]);
  });
});

describe('the endpoint of a peer', () => {
  it('is set and reported, and a pending roam event is cancelled', () => {
    const { state, peer, engine, now, bob, events } = inside();
    const { publicKey } = bob.person;
    for (const port of [1, 2]) {
      updateEndpoint(state, peer, new Endpoint(bob.endpoint.address, port), now);
    }
    events();
    state.outputs.emitsPeerEvents = true;
    const endpoint = new Endpoint(bob.endpoint.address, 3);
    engine.configure({ peers: [{ publicKey, endpoint }] }, now);
    expect(peer.endpoint).toBe(endpoint);
    expect(state.roams.due).toBe(Infinity);
    expect(events()).toMatchObject([{ type: 'peer', change: 'updated', endpoint }]);
    engine.configure({ peers: [{ publicKey }] }, now);
    expect([peer.endpoint, events()]).toEqual([endpoint, []]);
  });
});

describe('the allowed IPs of a peer', () => {
  it('are added, removed one by one, and replaced', () => {
    const { state, peer, engine, now, bob } = inside();
    const { publicKey } = bob.person;
    const owner = (first: number) => state.allowedIps.lookup(Uint8Array.of(first, 1, 2, 3), 0, 4);
    engine.configure({ peers: [{ publicKey, allowedIps: [prefix(20), prefix(21)] }] }, now);
    expect([owner(20), owner(21)]).toEqual([peer, peer]);
    engine.configure(
      { peers: [{ publicKey, allowedIps: [{ ...prefix(20), remove: true }] }] },
      now,
    );
    expect([owner(20), owner(21)]).toEqual([undefined, peer]);
    engine.configure(
      { peers: [{ publicKey, replaceAllowedIps: true, allowedIps: [prefix(22)] }] },
      now,
    );
    expect([owner(21), owner(22)]).toEqual([undefined, peer]);
  });
});

describe('the persistent keepalive of a peer', () => {
  it('is sent at once when it is turned on, and stops when it is turned off', () => {
    const { peer, engine, now, bob, types, isArmed, deadline } = inside();
    const { publicKey } = bob.person;
    const set = (persistentKeepalive: number, at = now) =>
      engine.configure({ peers: [{ publicKey, persistentKeepalive }] }, at);
    set(0);
    expect(types()).toEqual([]);
    set(25);
    expect(types()).toEqual([4]);
    expect([peer.persistentKeepalive, deadline(TIMER.PERSISTENT_KEEPALIVE)]).toEqual([
      25,
      now + 25_000,
    ]);
    // To set the same interval again changes nothing. A new interval moves the deadline.
    set(25, now + 7000);
    expect(deadline(TIMER.PERSISTENT_KEEPALIVE)).toBe(now + 25_000);
    set(10, now + 7000);
    expect(deadline(TIMER.PERSISTENT_KEEPALIVE)).toBe(now + 17_000);
    expect(types()).toEqual([4]);
    set(0);
    expect([peer.persistentKeepalive, isArmed(TIMER.PERSISTENT_KEEPALIVE)]).toEqual([0, false]);
    expect(types()).toEqual([4]);
  });

  it('has no deadline after a change of the interval if it had none before', () => {
    const { peer, engine, now, bob, types, isArmed } = inside();
    const { publicKey } = bob.person;
    peer.persistentKeepalive = 25;
    engine.configure({ peers: [{ publicKey, persistentKeepalive: 10 }] }, now);
    expect([types(), isArmed(TIMER.PERSISTENT_KEEPALIVE)]).toEqual([[], false]);
  });

  it('begins with the first endpoint, and keeps its deadline when the endpoint is set again', () => {
    const { peer, engine, now, bob, types, deadline, arm } = inside();
    const { publicKey, endpoint } = bob.person;
    peer.persistentKeepalive = 25;
    engine.configure({ peers: [{ publicKey }] }, now);
    expect(types()).toEqual([]);
    engine.configure({ peers: [{ publicKey, endpoint }] }, now);
    expect(types()).toEqual([4]);
    arm(TIMER.PERSISTENT_KEEPALIVE, 7);
    engine.configure({ peers: [{ publicKey, endpoint }] }, now);
    expect([types(), deadline(TIMER.PERSISTENT_KEEPALIVE)]).toEqual([[4], now + 7]);
  });

  it('is not sent while the link is down', () => {
    const { state, engine, now, bob, types } = inside();
    state.up = false;
    const { publicKey } = bob.person;
    engine.configure({ peers: [{ publicKey, persistentKeepalive: 25 }] }, now);
    expect(types()).toEqual([]);
  });

  it('is sent at once if there is a session, and waits for its turn if it needs an initiation', () => {
    const { state, peer, now, types, deadline } = inside();
    peer.persistentKeepalive = 25;
    state.initiations.spend(100, now);
    contactPeers(state, now);
    expect(types()).toEqual([4]);
    peer.keypairs.clear(state.indices);
    sentAt(peer, -Infinity);
    state.timers.clearAll(peer.slot);
    contactPeers(state, now);
    expect([types(), deadline(TIMER.PERSISTENT_KEEPALIVE)]).toEqual([[4], peer.turnAt]);
    // The peer cannot be reached, so no turn is reserved.
    peer.turnAt = Infinity;
    peer.endpoint = undefined;
    state.timers.clearAll(peer.slot);
    contactPeers(state, now);
    expect([types(), peer.turnAt]).toEqual([[4], Infinity]);
  });
});

describe('the packets that wait for a peer', () => {
  it('are sent when the peer is configured, and when all peers are contacted', () => {
    const { state, peer, engine, now, bob, types } = inside();
    const { publicKey } = bob.person;
    stage(peer, 2);
    engine.configure({ peers: [{ publicKey }] }, now);
    expect(types()).toEqual([4, 4]);
    stage(peer, 1);
    contactPeers(state, now);
    expect(types()).toEqual([4, 4, 4]);
  });
});

describe('a next identity', () => {
  it('probes all peers when it is set or the link goes up, and later only peers that change', () => {
    const { state, peer, engine, now, bob, isArmed } = inside();
    const { publicKey, endpoint } = CAROL;
    engine.configure({ peers: [{ publicKey, endpoint }] }, now);
    const carol = peerOf(state, CAROL)!;
    const asked = () => {
      const both = [peer, carol].map(({ slot }) => state.timers.isArmed(slot, TIMER.PROBE));
      for (const { slot } of [peer, carol]) state.timers.clear(slot, TIMER.PROBE);
      return both;
    };
    engine.configure({ nextPrivateKey: NEXT.privateKey }, now);
    expect(asked()).toEqual([true, true]);
    engine.configure({ peers: [{ publicKey: bob.person.publicKey }] }, now);
    expect(asked()).toEqual([true, false]);
    contactPeers(state, now);
    expect(asked()).toEqual([true, true]);
    engine.configure({ peers: [{ publicKey: DAVE.publicKey, remove: true }] }, now);
    expect(asked()).toEqual([false, false]);
    expect(isArmed(TIMER.PROBE)).toBe(false);
  });
});

describe('a new private key', () => {
  it('starts handshakes; a first next key starts none, but a next key that replaces another next key does', () => {
    const { peer, engine, now, types } = inside();
    peer.persistentKeepalive = 25;
    engine.configure({ privateKey: CAROL.privateKey }, now);
    expect(types()).toEqual([1]);
    engine.configure({ nextPrivateKey: NEXT.privateKey }, now + 6000);
    expect(types()).toEqual([1]);
    peer.handshakeSentAt = -Infinity;
    for (const pair of peer.pairs()) pair.sentAt = -Infinity;
    engine.handleTimeout(now);
    stage(peer, 1);
    engine.configure({ nextPrivateKey: DAVE.privateKey }, now + 12_000);
    expect(types().length).toBeGreaterThan(1);
  });
});

function inside(): WithSession & { engine: WithSession['alice']['engine'] } {
  const all = withSession();
  all.events();
  return { ...all, engine: all.alice.engine };
}

function prefix(first: number): { address: Uint8Array; prefixLength: number } {
  return { address: Uint8Array.of(first, 0, 0, 0), prefixLength: 8 };
}

function peerOf(state: WithSession['state'], { publicKey }: Person): Peer | undefined {
  return state.peers.get(keyId(publicKey));
}
