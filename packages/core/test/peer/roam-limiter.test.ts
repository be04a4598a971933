import { describe, expect, it } from 'vitest';
import { Endpoint } from '../../src/endpoint.ts';
import type { PublicKey } from '../../src/keys.ts';
import { Outputs } from '../../src/outputs.ts';
import { Peer } from '../../src/peer/peer.ts';
import { RoamLimiter } from '../../src/peer/roam-limiter.ts';

describe('RoamLimiter', () => {
  it('reports the first change at once, with the previous endpoint', () => {
    const { roam, reported, limiter } = create();
    roam('a', 2, 0);
    expect(reported()).toEqual([['a', 1, 2]]);
    expect(limiter.due).toBe(Infinity);
  });

  it('reports the last of several changes, one second after the first', () => {
    const { roam, reported, limiter } = create();
    roam('a', 2, 100);
    roam('a', 3, 200);
    roam('a', 4, 300);
    expect(reported()).toEqual([['a', 1, 2]]);
    expect(limiter.due).toBe(1100);
    limiter.emitDue(1099);
    expect(reported()).toEqual([]);
    limiter.emitDue(1100);
    expect(reported()).toEqual([['a', 2, 4]]);
    expect(limiter.due).toBe(Infinity);
  });

  it('waits another second after the second report', () => {
    const { roam, reported, limiter } = create();
    roam('a', 2, 0);
    roam('a', 3, 10);
    limiter.emitDue(1000);
    roam('a', 4, 1010);
    expect(reported().length).toBe(2);
    expect(limiter.due).toBe(2000);
    limiter.emitDue(1999);
    expect(reported()).toEqual([]);
    limiter.emitDue(2000);
    expect(reported()).toEqual([['a', 3, 4]]);
  });

  it('reports nothing if the peer is back at the reported endpoint', () => {
    const { roam, reported, limiter } = create();
    roam('a', 2, 0);
    reported();
    roam('a', 3, 10);
    roam('a', 2, 20);
    limiter.emitDue(1000);
    expect(reported()).toEqual([]);
    expect(limiter.due).toBe(Infinity);
  });

  it('ignores a change to the same endpoint', () => {
    const { roam, reported, limiter, peers } = create();
    roam('a', 2, 0);
    reported();
    limiter.noteRoam(peers.a, peers.a.endpoint, 10);
    expect(limiter.due).toBe(Infinity);
    limiter.emitDue(1000);
    expect(reported()).toEqual([]);
  });

  it('reports each peer separately, in the order in which they are due', () => {
    const { roam, reported, limiter } = create();
    roam('a', 2, 0);
    roam('b', 2, 500);
    roam('b', 3, 600);
    expect(limiter.due).toBe(1000);
    roam('a', 3, 700);
    expect(reported()).toEqual([
      ['a', 1, 2],
      ['b', 1, 2],
    ]);
    limiter.emitDue(1000);
    expect(reported()).toEqual([['a', 2, 3]]);
    expect(limiter.due).toBe(1500);
    limiter.emitDue(1500);
    expect(reported()).toEqual([['b', 2, 3]]);
  });

  it('reports at once again after a second without a change', () => {
    const { roam, reported } = create();
    roam('a', 2, 0);
    roam('a', 3, 1000);
    expect(reported()).toEqual([
      ['a', 1, 2],
      ['a', 2, 3],
    ]);
  });

  it('cancels the pending report of a peer that is forgotten, and reports its next change at once', () => {
    const { roam, reported, limiter, peers } = create();
    roam('a', 2, 0);
    roam('b', 2, 0);
    roam('a', 3, 10);
    roam('b', 3, 10);
    reported();
    limiter.forget(peers.a);
    limiter.forget(peers.a);
    expect(limiter.due).toBe(1000);
    limiter.forget(peers.b);
    expect(limiter.due).toBe(Infinity);
    limiter.emitDue(1000);
    expect(reported()).toEqual([]);
    roam('a', 4, 1010);
    expect(reported()).toEqual([['a', 3, 4]]);
  });

  it('reports nothing for a peer that no longer has an endpoint', () => {
    const { roam, reported, limiter, peers } = create();
    roam('a', 2, 0);
    roam('a', 3, 10);
    reported();
    peers.a.endpoint = undefined;
    limiter.emitDue(1000);
    expect(reported()).toEqual([]);
    limiter.noteRoam(peers.a, undefined, 1010);
    expect(reported()).toEqual([]);
    expect(limiter.due).toBe(Infinity);
  });
});

type Name = 'a' | 'b';

/**
 * Returns two peers at port 1. `reported` returns the changes that were reported since its last
 * call: peer, port before, port after.
 */
function create(): {
  limiter: RoamLimiter;
  peers: Record<Name, Peer>;
  roam: (name: Name, port: number, now: number) => void;
  reported: () => [Name, number | undefined, number][];
} {
  const outputs = new Outputs();
  const limiter = new RoamLimiter(outputs);
  const peers = { a: peerOf(1), b: peerOf(2) };
  return {
    limiter,
    peers,
    roam(name, port, now) {
      const peer = peers[name];
      const previous = peer.endpoint;
      peer.endpoint = endpoint(port);
      limiter.noteRoam(peer, previous, now);
    },
    reported() {
      const reported: [Name, number | undefined, number][] = [];
      for (let event = outputs.nextEvent(); event; event = outputs.nextEvent()) {
        if (event.type !== 'roam') throw new Error(event.type);
        const name = event.peer === peers.a.publicKey ? 'a' : 'b';
        reported.push([name, event.previous?.port, event.endpoint.port]);
      }
      return reported;
    },
  };
}

function peerOf(id: number): Peer {
  const peer = new Peer(new Uint8Array(32).fill(id) as PublicKey, String(id), id, id);
  peer.endpoint = endpoint(1);
  return peer;
}

function endpoint(port: number): Endpoint {
  return new Endpoint(Uint8Array.of(192, 0, 2, 1), port);
}
