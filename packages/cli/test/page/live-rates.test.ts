import { describe, expect, it } from 'vitest';
import { LiveRates, MAX_LINES } from '../../page/live-rates.js';
import { LiveHistory } from '../../src/live/live-history.ts';
import { NO_RATES, type LiveStatus } from '../../src/live/live-status.ts';

describe('LiveRates', () => {
  it('continues the history of the server', () => {
    const history = new LiveHistory();
    history.add(statusAt(1000, { a: 5 }));
    history.add(statusAt(2000, { a: 6, b: 7 }));
    const rates = new LiveRates();
    // The page gets the history as JSON.
    rates.load(JSON.parse(JSON.stringify(history)));
    // The newest status is in the history too, so it is ignored.
    rates.add(statusAt(2000, { a: 6, b: 7 }));
    rates.add(statusAt(3000, { b: 8, c: 9 }));
    expect(rates.times).toEqual([1000, 2000, 3000]);
    expect(rates.sum.of('received')).toEqual([5, 13, 17]);
    expect(rates.sum.of('both')).toEqual([6, 15, 19]);
    expect([...rates.peers.keys()]).toEqual(['b', 'c']);
    expect(rates.peers.get('b')?.of('received')).toEqual([NaN, 7, 8]);
    expect(rates.peers.get('c')?.of('both')).toEqual([NaN, NaN, 10]);
    expect(rates.peers.get('c')?.now('packets')).toBe(3);
  });

  it('keeps the rates of the last ten minutes', () => {
    const rates = new LiveRates();
    for (const second of [0, 1, 600, 601]) rates.add(statusAt(second * 1000, { a: 1 }));
    expect(rates.times).toEqual([1000, 600_000, 601_000]);
    expect(rates.peers.get('a')?.of('drops')).toEqual([0, 0, 0]);
  });

  it('begins again when the clock was set back, and ignores a status without rates', () => {
    const rates = new LiveRates();
    for (const time of [5000, 6000, 100]) rates.add(statusAt(time, { a: 1 }));
    rates.add({ ...statusAt(200, { a: 1 }), intervalMs: undefined });
    expect([rates.times, rates.peers.get('a')?.of('sent')]).toEqual([[100], [1]]);
  });

  it('keeps only the sum if there are more than MAX_LINES peers', () => {
    const many = Array.from({ length: MAX_LINES + 1 }, (_, index) => [`p${index}`, 1] as const);
    const rates = new LiveRates();
    rates.add(statusAt(1000, { a: 1 }));
    rates.add(statusAt(2000, Object.fromEntries(many)));
    expect([rates.peers.size, rates.sum.now('received')]).toEqual([0, MAX_LINES + 1]);
  });
});

/**
 * Returns a status in which each peer receives the given number of bytes per second, and sends one
 * byte per second.
 */
function statusAt(time: number, received: Record<string, number>): LiveStatus {
  const peers = Object.entries(received).map(([id, receivedBytes]) => ({
    id,
    rates: { ...NO_RATES, receivedBytes, sentBytes: 1, sentMessages: 3 },
  }));
  const total = Object.values(received).reduce((sum, rate) => sum + rate, 0);
  const rates = { ...NO_RATES, receivedBytes: total, sentBytes: peers.length };
  return { version: 1, time, intervalMs: 1000, interfaces: [{ rates }], peers } as never;
}
