import { describe, expect, it } from 'vitest';
import type { StaticIdentity } from '../../src/handshake/static-identity.ts';
import { PublicKey } from '../../src/keys.ts';
import { Keypair } from '../../src/peer/keypairs.ts';
import { Peer } from '../../src/peer/peer.ts';
import { StaticPair } from '../../src/peer/static-pair.ts';

describe('Peer', () => {
  it('starts without session, handshake, staged packets and counters', () => {
    expect(create()).toMatchObject({
      presharedKey: undefined,
      endpoint: undefined,
      persistentKeepalive: 0,
      sessionUp: false,
      unusable: false,
      nextKey: undefined,
      pair: undefined,
      otherPairs: undefined,
      handshakeSends: 0,
      unansweredSends: 0,
      unansweredProbes: 0,
      attemptStartedAt: -Infinity,
      handshakeSentAt: -Infinity,
      carriedAt: -Infinity,
      sentLastMinuteHandshake: false,
      needsAnotherKeepalive: false,
      lastHandshakeUnixMs: 0,
      receivedBytes: 0,
      sentBytes: 0,
    });
    expect(create().sendKeypair(0)).toBeUndefined();
    expect(create().drops()).toEqual({});
  });

  it('sends only with the current keypair, and only while that keypair is usable', () => {
    const peer = create();
    const keypair = keypairOf(peer, 1);
    peer.keypairs.next = keypair;
    peer.keypairs.previous = keypair;
    expect(peer.sendKeypair(0)).toBeUndefined();
    peer.keypairs.current = keypair;
    expect(peer.sendKeypair(179_999)).toBe(keypair);
    expect(peer.sendKeypair(180_000)).toBeUndefined();
  });

  it('counts drops by reason, one or more at a time', () => {
    const peer = create();
    peer.countDrop('invalid-tag');
    peer.countDrop('invalid-tag', 3);
    peer.countDrop('no-endpoint');
    expect(peer.drops()).toEqual({ 'invalid-tag': 4, 'no-endpoint': 1 });
  });
});

function create(): Peer {
  return new Peer(new Uint8Array(32) as PublicKey, 'id', 0, 1);
}

function keypairOf(peer: Peer, localIndex: number): Keypair<Peer> {
  const cipher = { seal: () => {}, open: () => true, destroy: () => {} };
  return new Keypair({
    peer,
    staticKeys: { own: peer.publicKey, peer: peer.publicKey },
    isInitiator: true,
    localIndex,
    remoteIndex: 2,
    sendCipher: cipher,
    receiveCipher: cipher,
    limits: { rekeyAfterMessages: 100, rejectAfterMessages: 100 },
    createdAt: 0,
  });
}

describe('the pairs of a peer', () => {
  it('are listed with the preferred pair first', () => {
    const peer = new Peer(new PublicKey(32), 'id', 0, 1);
    expect([...peer.pairs()]).toEqual([]);
    const [first, second, third] = [1, 2, 3].map(
      () => new StaticPair(peer, {} as StaticIdentity, peer.publicKey),
    );
    peer.pair = first;
    expect([...peer.pairs()]).toEqual([first]);
    peer.otherPairs = [second, third];
    expect([...peer.pairs()].map((pair) => [first, second, third].indexOf(pair))).toEqual([
      0, 1, 2,
    ]);
  });

  it('have no initiation, no turn and no handshake at first', () => {
    const peer = new Peer(new PublicKey(32), 'id', 0, 1);
    const identity = {} as StaticIdentity;
    const pair = new StaticPair(peer, identity, peer.publicKey);
    expect(pair.peer).toBe(peer);
    expect(pair.identity).toBe(identity);
    expect(pair.remoteKey).toBe(peer.publicKey);
    expect(pair.handshake.remoteStaticPublic).toBe(peer.publicKey);
    expect([pair.index, pair.sentAt, pair.turnAt, pair.macs]).toEqual([
      -1,
      -Infinity,
      Infinity,
      undefined,
    ]);
  });
});
