import { beforeEach, describe, expect, test } from 'vitest';
import type { MeshStatus } from '../../src/status/mesh-status.ts';
import { MAX_TUNNELS, Rates } from '../../page/rates.js';
import { exampleStatus } from './example-status.ts';

let rates: Rates;

describe('Rates', () => {
  beforeEach(() => {
    rates = new Rates();
  });

  test('computes bytes per second from the counters', () => {
    add(0, { a: [1000, 500], b: [0, 0] });
    add(2, { a: [3000, 700], b: [10, 0] });
    expect(rates.now('a', 'received')).toBe(1000);
    expect(rates.now('a', 'sent')).toBe(100);
    expect(rates.now('a', 'both')).toBe(1100);
    expect(rates.sum.now('received')).toBe(1005);
    expect(rates.sum.of('both')).toEqual([NaN, 1105]);
  });

  test('returns zero if nothing is known', () => {
    expect(rates.now('a', 'both')).toBe(0);
    add(0, { a: [1000, 0] });
    expect(rates.now('a', 'both')).toBe(0);
    expect(rates.sum.now('sent')).toBe(0);
  });

  test('does not count the earlier traffic of a new peer as current traffic', () => {
    add(0, {});
    add(1, { a: [5e9, 5e9] });
    expect(rates.sum.now('both')).toBe(0);
    add(2, { a: [5e9 + 8, 5e9] });
    expect(rates.sum.now('both')).toBe(8);
    expect(rates.peers.get('a')?.received).toEqual([NaN, NaN, 8]);
  });

  test('computes no negative rate when the daemon restarts', () => {
    add(0, { a: [1000, 1000] });
    add(1, { a: [10, 1010] });
    expect(rates.now('a', 'received')).toBe(0);
    expect(rates.now('a', 'sent')).toBe(10);
  });

  test('leaves a gap after a pause', () => {
    add(0, { a: [0, 0] });
    add(1, { a: [100, 0] });
    add(60, { a: [9000, 0] });
    add(61, { a: [9001, 0] });
    expect(rates.sum.received).toEqual([NaN, 100, NaN, 1]);
  });

  test('forgets values older than two minutes, and peers that have left', () => {
    for (let second = 0; second <= 200; second++)
      add(second, second < 100 ? { a: [0, 0], b: [0, 0] } : { a: [0, 0] });
    expect(rates.times.length).toBe(121);
    expect(rates.sum.received.length).toBe(121);
    expect([...rates.peers.keys()]).toEqual(['a']);
    expect(rates.peers.get('a')?.received.length).toBe(121);
  });

  test('starts again when the clock was set back, and ignores a second status of the same time', () => {
    add(10, { a: [100, 0] });
    add(11, { a: [200, 0] });
    add(11, { a: [900, 0] });
    expect(rates.times.length).toBe(2);
    add(5, { a: [300, 0] });
    expect(rates.times.length).toBe(1);
    add(6, { a: [350, 0] });
    expect(rates.now('a', 'received')).toBe(50);
  });

  test('keeps only the sum if there are more than MAX_TUNNELS peers', () => {
    rates.add(exampleStatus({ count: MAX_TUNNELS + 1, second: 0 }));
    rates.add(exampleStatus({ count: MAX_TUNNELS + 1, second: 1 }));
    expect(rates.peers.size).toBe(0);
    expect(rates.sum.now('both')).toBeGreaterThan(0);
    rates.add(exampleStatus({ count: MAX_TUNNELS, second: 2 }));
    expect(rates.peers.size).toBe(MAX_TUNNELS);
    expect(rates.peers.get('node-001')?.received.length).toBe(3);
  });
});

function add(second: number, peers: Record<string, [received: number, sent: number]>): void {
  const names = Object.keys(peers);
  const status = exampleStatus({ count: names.length, names, second });
  const counted: MeshStatus = {
    ...status,
    peers: status.peers.map((peer) => ({
      ...peer,
      bytesReceived: peers[peer.name][0],
      bytesSent: peers[peer.name][1],
    })),
  };
  rates.add(counted);
}
