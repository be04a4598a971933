import { createPerson } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { PresharedKey, PublicKey } from '../src/keys.ts';
import { Peer } from '../src/peer/peer.ts';
import { AllowedIps } from '../src/routing/allowed-ips.ts';
import { EngineStats, createPeerStatus } from '../src/stats.ts';

const { publicKey, endpoint } = createPerson(1);

describe('EngineStats', () => {
  it('starts with zero counters', () => {
    const { drops, ...counts } = new EngineStats();
    expect(Object.values(counts).every((count) => count === 0)).toBe(true);
    expect(drops.toJSON()).toEqual({});
  });
});

describe('createPeerStatus', () => {
  it('returns all values of a peer, as copies', () => {
    const peer = new Peer(publicKey, 'id', 0, 1);
    const allowedIps = new AllowedIps<Peer>();
    allowedIps.insert(Uint8Array.of(10, 0, 0, 0), 8, peer);
    peer.presharedKey = new PresharedKey();
    peer.presharedKey.fill(7);
    Object.assign(peer, {
      endpoint,
      persistentKeepalive: 25,
      lastHandshakeUnixMs: 1234,
      receivedBytes: 5,
      sentBytes: 6,
      receivedMessages: 7,
      sentMessages: 8,
      roundTripUs: 1500,
      sessionUp: true,
    });
    peer.countDrop('invalid-tag', 3);
    const status = createPeerStatus(peer, allowedIps);
    expect(status).toEqual({
      publicKey,
      presharedKey: peer.presharedKey,
      endpoint,
      persistentKeepalive: 25,
      allowedIps: [expect.objectContaining({ prefixLength: 8 })],
      lastHandshakeUnixMs: 1234,
      receivedBytes: 5,
      sentBytes: 6,
      receivedMessages: 7,
      sentMessages: 8,
      roundTripMs: 1.5,
      sessionUp: true,
      drops: { 'invalid-tag': 3 },
    });
    expect(status.publicKey).not.toBe(publicKey);
    status.presharedKey?.fill(0);
    expect(peer.presharedKey[0]).toBe(7);
  });

  it('counts unanswered initiations only while there are some', () => {
    const peer = new Peer(publicKey, 'id', 0, 1);
    expect(createPeerStatus(peer, new AllowedIps())).not.toHaveProperty('unansweredInitiations');
    peer.unansweredSends = 3;
    expect(createPeerStatus(peer, new AllowedIps()).unansweredInitiations).toBe(3);
  });

  it('contains copies of the next key of a peer and of the static keys of its session', () => {
    const peer = new Peer(publicKey, 'id', 0, 1);
    const [next, own, theirs] = [1, 2, 3].map((byte) => new PublicKey(32).fill(byte));
    peer.nextKey = next;
    peer.keypairs.current = { staticKeys: { own, peer: theirs } } as never;
    const { nextPublicKey, sessionStaticKeys } = createPeerStatus(peer, new AllowedIps());
    expect(nextPublicKey).toEqual(next);
    expect(nextPublicKey).not.toBe(next);
    expect(sessionStaticKeys).toEqual({ own, peer: theirs });
    expect([sessionStaticKeys!.own === own, sessionStaticKeys!.peer === theirs]).toEqual([
      false,
      false,
    ]);
  });

  it('leaves out values that a peer does not have', () => {
    const status = createPeerStatus(new Peer(publicKey, 'id', 0, 1), new AllowedIps());
    expect('presharedKey' in status).toBe(false);
    expect('endpoint' in status).toBe(false);
    expect('nextPublicKey' in status).toBe(false);
    expect('sessionStaticKeys' in status).toBe(false);
  });
});
