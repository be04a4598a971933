import { Engine, type AllowedIp, type PublicKey } from '@litz/core';
import { createPerson, seededRandomBytes } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { SnapshotReads } from '../../src/plane/snapshot-reads.ts';

describe('SnapshotReads', () => {
  it('returns all peers in their order, slice by slice', () => {
    const { engine, reads } = withPeers(1000);
    const slices = readAll(reads);
    expect(slices.length).toBeGreaterThan(5);
    expect(Math.max(...slices.map((peers) => peers.length))).toBeLessThanOrEqual(128);
    expect(slices.flat()).toEqual(engine.peers());
  });

  it('returns one slice for a device without peers', () => {
    const { reads } = withPeers(0);
    expect(reads.next(1)).toEqual({ peers: [], isLast: true });
    expect(reads.has(1)).toBe(false);
  });

  it('puts fewer peers into a slice when they have many prefixes', () => {
    const { engine, reads } = withPeers(20, 200);
    const slices = readAll(reads);
    expect(Math.max(...slices.map((peers) => peers.length))).toBeLessThan(5);
    expect(slices.flat()).toEqual(engine.peers());
  });

  it('skips peers that were removed, and leaves out peers that were added', () => {
    const { engine, reads } = withPeers(500);
    const first = reads.next(1).peers.length;
    const removed = engine.peers().slice(first, first + 200);
    engine.configure(
      {
        peers: [
          ...removed.map(({ publicKey }) => ({ publicKey, remove: true })),
          { publicKey: createPerson(1).publicKey },
        ],
      },
      0,
    );
    const left = readAll(reads).flat();
    expect(left).toEqual(engine.peers().slice(first, -1));
  });

  it('keeps reads separate, and forgets a read that is ended', () => {
    const { reads } = withPeers(300);
    const first = reads.next(1);
    expect(reads.next(2)).toEqual(first);
    expect(reads.next(1)).not.toEqual(first);
    reads.end(1);
    expect([reads.has(1), reads.has(2)]).toEqual([false, true]);
    expect(reads.next(1)).toEqual(first);
  });
});

function readAll(reads: SnapshotReads): { publicKey: PublicKey }[][] {
  const slices = [];
  for (;;) {
    const { peers, isLast } = reads.next(1);
    slices.push(peers);
    if (isLast) return slices;
  }
}

function withPeers(count: number, prefixes = 1): { engine: Engine; reads: SnapshotReads } {
  const engine = new Engine({ randomBytes: seededRandomBytes(1), unixTime: () => 0 });
  const peers = Array.from({ length: count }, (_, i) => ({
    publicKey: Uint8Array.from({ length: 32 }, (_, at) =>
      at < 3 ? i >> (8 * at) : 9,
    ) as PublicKey,
    allowedIps: Array.from({ length: prefixes }, (_, j): AllowedIp => ({
      address: Uint8Array.of(10, i >> 8, i, j),
      prefixLength: 32,
    })),
  }));
  engine.configure({ peers }, 0);
  return { engine, reads: new SnapshotReads(engine) };
}
