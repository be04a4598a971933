import { parseEndpoint, type Endpoint, type PublicKey } from '@litz/core';
import type { ChangedPeer } from '@litz/config';
import { describe, expect, it } from 'vitest';
import { PeerSessions } from '../../src/agent/peer-sessions.ts';
import type { MeshPeer } from '../../src/membership/mesh-peer.ts';
import { keyOf } from '../records.ts';

describe('PeerSessions', () => {
  it('finds the session of a key that has moved to another node', () => {
    const sessions = new PeerSessions();
    sessions.setPeers(new Map([['n1', peer('n1', 1)]]));
    sessions.take([state(keyOf(1))], false);
    expect([...sessions.answered]).toEqual(['n1']);
    // The key moves from n1 to n2.
    const peers = new Map([['n2', peer('n2', 1)]]);
    sessions.setPeers(peers, new Set(['n1', 'n2']));
    expect([...sessions.answered]).toEqual(['n2']);
    expect(sessions.take([state(keyOf(1))], false)).toEqual(new Set(['n2']));
    expect(sessions.hasAnswered('n1')).toBe(false);
  });

  it('updates only the named peers', () => {
    const sessions = new PeerSessions();
    const peers = new Map([
      ['n1', peer('n1', 1)],
      ['n2', peer('n2', 2)],
    ]);
    sessions.setPeers(peers, new Set(['n1']));
    expect(sessions.take([state(keyOf(1)), state(keyOf(2))], false)).toEqual(new Set(['n1']));
    sessions.setPeers(peers, new Set(['n2']));
    expect(sessions.answered).toEqual(new Set(['n1', 'n2']));
  });

  it('returns the same set while the same peers have answered', () => {
    const sessions = new PeerSessions();
    sessions.setPeers(new Map([['n1', peer('n1', 1)]]));
    sessions.take([state(keyOf(1))], false);
    const { answered } = sessions;
    sessions.take([state(keyOf(1))], false);
    sessions.setPeers(new Map([['n1', peer('n1', 1)]]));
    expect(sessions.answered).toBe(answered);
  });
});

function peer(name: string, number: number): MeshPeer {
  return {
    name,
    keys: [{ publicKey: keyOf(number), generation: 1, createdAt: 0 }],
    endpoint: parseEndpoint(`192.0.2.${number}:51871`) as Endpoint,
    addresses: [],
    prefixes: [],
    encryptsNode: false,
    sendsPlaintext: false,
  };
}

function state(publicKey: PublicKey): ChangedPeer {
  return { publicKey, isRemoved: false, endpoint: undefined, lastHandshakeUnixMs: 1 };
}
