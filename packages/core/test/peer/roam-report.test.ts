import { describe, expect, it } from 'vitest';
import { Endpoint } from '../../src/endpoint.ts';
import type { PublicKey } from '../../src/keys.ts';
import { Outputs } from '../../src/outputs.ts';
import { Peer } from '../../src/peer/peer.ts';
import { RoamReport } from '../../src/peer/roam-report.ts';

describe('RoamReport', () => {
  it('reports the first change at once, with the previous endpoint', () => {
    const { roam, told, report } = create();
    roam('a', 2, 0);
    expect(told()).toEqual([['a', 1, 2]]);
    expect(report.due).toBe(Infinity);
  });

  it('reports the last of several changes, one second after the first', () => {
    const { roam, told, report } = create();
    roam('a', 2, 100);
    roam('a', 3, 200);
    roam('a', 4, 300);
    expect(told()).toEqual([['a', 1, 2]]);
    expect(report.due).toBe(1100);
    report.tell(1099);
    expect(told()).toEqual([]);
    report.tell(1100);
    expect(told()).toEqual([['a', 2, 4]]);
    expect(report.due).toBe(Infinity);
  });

  it('waits another second after that report', () => {
    const { roam, told, report } = create();
    roam('a', 2, 0);
    roam('a', 3, 10);
    report.tell(1000);
    roam('a', 4, 1010);
    expect(told().length).toBe(2);
    expect(report.due).toBe(2000);
    report.tell(1999);
    expect(told()).toEqual([]);
    report.tell(2000);
    expect(told()).toEqual([['a', 3, 4]]);
  });

  it('reports nothing if the peer is back at the reported endpoint', () => {
    const { roam, told, report } = create();
    roam('a', 2, 0);
    told();
    roam('a', 3, 10);
    roam('a', 2, 20);
    report.tell(1000);
    expect(told()).toEqual([]);
    expect(report.due).toBe(Infinity);
  });

  it('does not wait for a change to the same endpoint', () => {
    const { roam, told, report, peers } = create();
    roam('a', 2, 0);
    told();
    report.roamed(peers.a, peers.a.endpoint, 10);
    expect(report.due).toBe(Infinity);
    report.tell(1000);
    expect(told()).toEqual([]);
  });

  it('reports each peer separately, in the order in which they are due', () => {
    const { roam, told, report } = create();
    roam('a', 2, 0);
    roam('b', 2, 500);
    roam('b', 3, 600);
    expect(report.due).toBe(1000);
    roam('a', 3, 700);
    expect(told()).toEqual([
      ['a', 1, 2],
      ['b', 1, 2],
    ]);
    report.tell(1000);
    expect(told()).toEqual([['a', 2, 3]]);
    expect(report.due).toBe(1500);
    report.tell(1500);
    expect(told()).toEqual([['b', 2, 3]]);
  });

  it('reports at once again after a second without a change', () => {
    const { roam, told } = create();
    roam('a', 2, 0);
    roam('a', 3, 1000);
    expect(told()).toEqual([
      ['a', 1, 2],
      ['a', 2, 3],
    ]);
  });

  it('reports nothing more of a forgotten peer, and then its next change at once', () => {
    const { roam, told, report, peers } = create();
    roam('a', 2, 0);
    roam('b', 2, 0);
    roam('a', 3, 10);
    roam('b', 3, 10);
    told();
    report.forget(peers.a);
    report.forget(peers.a);
    expect(report.due).toBe(1000);
    report.forget(peers.b);
    expect(report.due).toBe(Infinity);
    report.tell(1000);
    expect(told()).toEqual([]);
    roam('a', 4, 1010);
    expect(told()).toEqual([['a', 3, 4]]);
  });

  it('reports nothing for a peer that no longer has an endpoint', () => {
    const { roam, told, report, peers } = create();
    roam('a', 2, 0);
    roam('a', 3, 10);
    told();
    peers.a.endpoint = undefined;
    report.tell(1000);
    expect(told()).toEqual([]);
    report.roamed(peers.a, undefined, 1010);
    expect(told()).toEqual([]);
    expect(report.due).toBe(Infinity);
  });
});

type Name = 'a' | 'b';

/** Two peers at port 1, and what was told of them: who, the port before and the one after. */
function create(): {
  report: RoamReport;
  peers: Record<Name, Peer>;
  roam: (name: Name, port: number, now: number) => void;
  told: () => [Name, number | undefined, number][];
} {
  const outputs = new Outputs();
  const report = new RoamReport(outputs);
  const peers = { a: peerOf(1), b: peerOf(2) };
  return {
    report,
    peers,
    roam(name, port, now) {
      const peer = peers[name];
      const previous = peer.endpoint;
      peer.endpoint = endpoint(port);
      report.roamed(peer, previous, now);
    },
    told() {
      const told: [Name, number | undefined, number][] = [];
      for (let event = outputs.nextEvent(); event; event = outputs.nextEvent()) {
        if (event.type !== 'roam') throw new Error(event.type);
        const name = event.peer === peers.a.publicKey ? 'a' : 'b';
        told.push([name, event.previous?.port, event.endpoint.port]);
      }
      return told;
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
