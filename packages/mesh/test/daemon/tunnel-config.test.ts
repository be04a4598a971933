import {
  generateKeyPair,
  parseCidr,
  parseEndpoint,
  type Endpoint,
  type PublicKey,
} from '@litz/core';
import { describe, expect, it } from 'vitest';
import {
  programmedTunnel,
  tunnelChange,
  type ProgrammedTunnel,
  type TunnelConfig,
  type TunnelPeer,
} from '../../src/daemon/tunnel-config.ts';

const key = (): PublicKey => generateKeyPair().publicKey;
const [OWN, NEXT, BOB, BOB2, CAROL] = [key(), key(), key(), key(), key()];
const endpoint = (text: string): Endpoint => parseEndpoint(text) as Endpoint;

const PEER: TunnelPeer = {
  keys: [BOB],
  endpoint: endpoint('192.0.2.2:51871'),
  persistentKeepalive: 0,
  allowedIps: [parseCidr('10.244.2.0/24'), parseCidr('fd00:2::/64')],
};
const CONFIG: TunnelConfig = {
  own: OWN,
  next: undefined,
  listenPort: 51871,
  fwmark: 0,
  peers: new Map([['n2', PEER]]),
};
const SAME: ProgrammedTunnel = { ...CONFIG, unknownPeers: [] };

const withPeer = (peer: TunnelPeer): TunnelConfig => ({
  ...CONFIG,
  peers: new Map([['n2', peer]]),
});
const peersOf = (wanted: TunnelConfig, present = SAME): unknown =>
  tunnelChange(wanted, present)?.change.peers;

describe('tunnelChange', () => {
  it('is undefined if nothing differs', () => {
    expect(tunnelChange(CONFIG, SAME)).toBeUndefined();
    const copy = {
      ...PEER,
      endpoint: endpoint('192.0.2.2:51871'),
      keys: [BOB.slice() as PublicKey],
    };
    expect(tunnelChange(withPeer(copy), SAME)).toBeUndefined();
  });

  it('gives an empty daemon everything in one request', () => {
    const empty: ProgrammedTunnel = {
      own: undefined,
      next: undefined,
      listenPort: 0,
      fwmark: 0,
      peers: new Map(),
      unknownPeers: [],
    };
    const wanted = { ...withPeer({ ...PEER, keys: [BOB, BOB2] }), next: NEXT, fwmark: 7 };
    expect(tunnelChange(wanted, empty)).toEqual({
      own: OWN,
      next: NEXT,
      change: {
        listenPort: 51871,
        fwmark: 7,
        peers: [
          {
            publicKey: BOB,
            nextPublicKey: BOB2,
            endpoint: PEER.endpoint,
            replaceAllowedIps: true,
            allowedIps: PEER.allowedIps,
          },
        ],
      },
    });
  });

  it('changes only the fields of a peer that differ, and keeps its session', () => {
    const moved = { ...PEER, endpoint: endpoint('192.0.2.9:51871') };
    expect(peersOf(withPeer(moved))).toEqual([{ publicKey: BOB, endpoint: moved.endpoint }]);
    const alive = { ...PEER, persistentKeepalive: 25 };
    expect(peersOf(withPeer(alive))).toEqual([{ publicKey: BOB, persistentKeepalive: 25 }]);
    const [v4] = PEER.allowedIps;
    const other = parseCidr('10.244.9.0/24');
    expect(peersOf(withPeer({ ...PEER, allowedIps: [v4, other] }))).toEqual([
      { publicKey: BOB, allowedIps: [other, { ...parseCidr('fd00:2::/64'), remove: true }] },
    ]);
  });

  it('gives a peer its next key, and promotes or removes that key', () => {
    const both = { ...PEER, keys: [BOB, BOB2] };
    const withBoth: ProgrammedTunnel = { ...SAME, peers: new Map([['n2', both]]) };
    expect(peersOf(withPeer(both))).toEqual([{ publicKey: BOB, nextPublicKey: BOB2 }]);
    expect(peersOf(withPeer({ ...PEER, keys: [BOB2] }), withBoth)).toEqual([
      { publicKey: BOB, promotePublicKey: true },
    ]);
    expect(peersOf(CONFIG, withBoth)).toEqual([{ publicKey: BOB, nextPublicKey: null }]);
    expect(peersOf(withPeer({ ...PEER, keys: [BOB2, CAROL] }), withBoth)).toEqual([
      { publicKey: BOB, promotePublicKey: true },
      { publicKey: BOB2, nextPublicKey: CAROL },
    ]);
  });

  it('adds a new peer with the prefixes, then removes the old peer, if the new key of a node was not its announced next key', () => {
    expect(peersOf(withPeer({ ...PEER, keys: [CAROL] }))).toMatchObject([
      { publicKey: CAROL, allowedIps: PEER.allowedIps, endpoint: PEER.endpoint },
      { publicKey: BOB, remove: true },
    ]);
  });

  it('removes old peers after other peers have taken over their prefixes', () => {
    const peers = new Map([['n3', { ...PEER, keys: [CAROL] }]]);
    const strange: ProgrammedTunnel = { ...SAME, unknownPeers: [BOB2] };
    expect(peersOf({ ...CONFIG, peers }, strange)).toMatchObject([
      { publicKey: CAROL },
      { publicKey: BOB, remove: true },
      { publicKey: BOB2, remove: true },
    ]);
  });

  it('keeps a peer whose key has moved to another node', () => {
    const peers = new Map([['n3', PEER]]);
    expect(peersOf({ ...CONFIG, peers })).toMatchObject([
      { publicKey: BOB, allowedIps: PEER.allowedIps },
    ]);
    expect(peersOf({ ...CONFIG, peers })).toHaveLength(1);
  });

  it('compares only the named peers', () => {
    const peers = new Map([
      ['n2', { ...PEER, persistentKeepalive: 25 }],
      ['n3', { ...PEER, keys: [CAROL] }],
    ]);
    const change = tunnelChange({ ...CONFIG, peers }, SAME, new Set(['n2', 'n4']))?.change;
    expect(change?.peers).toEqual([{ publicKey: BOB, persistentKeepalive: 25 }]);
    expect(tunnelChange({ ...CONFIG, peers }, SAME, new Set())).toBeUndefined();
  });

  it('promotes or removes the next own key', () => {
    const rotating = { ...SAME, next: NEXT };
    expect(tunnelChange({ ...CONFIG, own: NEXT }, rotating)).toEqual({
      own: NEXT,
      next: undefined,
      change: {},
    });
    expect(tunnelChange(CONFIG, rotating)).toEqual({ own: undefined, next: null, change: {} });
  });

  it('replaces both own keys with a third one without a promotion', () => {
    const rotating = { ...SAME, next: NEXT };
    const other = key();
    expect(tunnelChange({ ...CONFIG, own: other }, rotating)).toEqual({
      own: other,
      next: null,
      change: {},
    });
  });
});

describe('programmedTunnel', () => {
  const status = {
    listenPort: 51871,
    fwmark: 0,
    peers: [
      {
        publicKey: BOB,
        endpoint: endpoint('198.51.100.7:1234'),
        persistentKeepalive: 0,
        allowedIps: [...PEER.allowedIps],
        lastHandshakeUnixMs: 1_000_000,
        receivedBytes: 0,
        sentBytes: 0,
      },
    ],
  };
  const found = (nowMs: number, wanted = CONFIG): ProgrammedTunnel =>
    programmedTunnel(status, { own: OWN, next: undefined }, wanted, nowMs);

  it('returns the wanted endpoint until 180 s after a handshake, so that the daemon keeps the endpoint that it has learned', () => {
    expect(tunnelChange(CONFIG, found(1_100_000))).toBeUndefined();
    expect(peersOf(CONFIG, found(1_200_000))).toEqual([
      { publicKey: BOB, endpoint: PEER.endpoint },
    ]);
  });

  it('lists two kinds of peers as unknown: a peer whose key no node has, and the second peer if two have keys of the same node', () => {
    expect(found(1_100_000, { ...CONFIG, peers: new Map() }).unknownPeers).toEqual([BOB]);
    const twice = { ...status, peers: [...status.peers, { ...status.peers[0], publicKey: BOB2 }] };
    const wanted = withPeer({ ...PEER, keys: [BOB, BOB2] });
    const own = { own: OWN, next: undefined };
    expect(programmedTunnel(twice, own, wanted, 0).unknownPeers).toEqual([BOB2]);
  });
});
