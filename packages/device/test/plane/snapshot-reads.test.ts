import {
  Engine,
  parsePresharedKey,
  PresharedKey,
  type AllowedIp,
  type PublicKey,
} from '@litz/core';
import { createPerson, seededRandomBytes } from '@litz/testkit';
import { runSteps } from '@litz/core/internals';
import { describe, expect, it, vi } from 'vitest';
import { SnapshotReads } from '../../src/plane/snapshot-reads.ts';

const PRESHARED_KEY = parsePresharedKey(new Uint8Array(32).fill(7));

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
    expect(runSteps(reads.next(1))).toEqual({ peers: [], isLast: true });
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
    const first = runSteps(reads.next(1)).peers.length;
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

  it('reads a peer with many prefixes in several steps', () => {
    const { engine, reads } = withPeers(1, 1000, PRESHARED_KEY);
    const steps = reads.next(1);
    expect([1, 2, 3].map(() => steps.next().done)).toEqual([false, false, false]);
    expect(steps.next().value).toEqual({ peers: engine.peers(), isLast: false });
  });

  it('wipes the secrets of a slice that is given up between two steps', () => {
    const { reads } = withPeers(2, 300, PRESHARED_KEY);
    const copies: Uint8Array[] = [];
    const spy = vi.spyOn(PresharedKey.prototype, 'slice').mockImplementation(function (
      this: PresharedKey,
    ) {
      const copy = Uint8Array.from(this);
      copies.push(copy);
      return copy;
    });
    const steps = reads.next(1);
    // The first peer is read, and a part of the second one.
    steps.next();
    steps.next();
    expect(copies.map(([first]) => first)).toEqual([7]);
    steps.return({ peers: [], isLast: true });
    expect(copies.map(([first]) => first)).toEqual([0]);
    spy.mockRestore();
  });

  it('keeps reads separate, and forgets a read that is ended', () => {
    const { reads } = withPeers(300);
    const first = runSteps(reads.next(1));
    expect(runSteps(reads.next(2))).toEqual(first);
    expect(runSteps(reads.next(1))).not.toEqual(first);
    reads.end(1);
    expect([reads.has(1), reads.has(2)]).toEqual([false, true]);
    expect(runSteps(reads.next(1))).toEqual(first);
  });
});

function readAll(reads: SnapshotReads): { publicKey: PublicKey }[][] {
  const slices = [];
  for (;;) {
    const { peers, isLast } = runSteps(reads.next(1));
    slices.push(peers);
    if (isLast) return slices;
  }
}

function withPeers(
  count: number,
  prefixes = 1,
  presharedKey?: PresharedKey,
): { engine: Engine; reads: SnapshotReads } {
  const engine = new Engine({ randomBytes: seededRandomBytes(1), unixTime: () => 0 });
  const peers = Array.from({ length: count }, (_, i) => ({
    publicKey: Uint8Array.from({ length: 32 }, (_, at) =>
      at < 3 ? i >> (8 * at) : 9,
    ) as PublicKey,
    ...(presharedKey && { presharedKey }),
    allowedIps: Array.from({ length: prefixes }, (_, j): AllowedIp => ({
      address: Uint8Array.of(10 + (i >> 8), i, j >> 8, j),
      prefixLength: 32,
    })),
  }));
  engine.configure({ peers }, 0);
  return { engine, reads: new SnapshotReads(engine) };
}
