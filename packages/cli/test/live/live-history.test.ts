import { describe, expect, it } from 'vitest';
import { LiveHistory } from '../../src/live/live-history.ts';
import { NO_RATES, type LiveStatus } from '../../src/live/live-status.ts';

describe('LiveHistory', () => {
  it('has the sum of the rates of all peers, and the rates of each peer', () => {
    const history = new LiveHistory();
    history.add(statusAt(1000, { a: 5 }));
    history.add(statusAt(2000, { a: 6, b: 7 }));
    expect(history.toJSON()).toMatchObject({
      times: [1000, 2000],
      sum: { received: [5, 13], sent: [1, 2], packets: [0, 0] },
      peers: { a: { received: [5, 6] }, b: { received: [null, 7] } },
    });
    expect(history.throughputOf('a')).toEqual([6, 7]);
    expect(history.throughputOf('c')).toEqual([]);
  });

  it('ignores a status without rates, and a status that it has already', () => {
    const history = new LiveHistory();
    history.add({ ...statusAt(1000, { a: 5 }), intervalMs: undefined });
    history.add(statusAt(2000, { a: 5 }));
    history.add(statusAt(2000, { a: 5 }));
    expect(history.toJSON().times).toEqual([2000]);
  });

  it('keeps the rates of the last ten minutes', () => {
    const history = new LiveHistory();
    for (const second of [0, 1, 600, 601]) history.add(statusAt(second * 1000, { a: 1 }));
    expect(history.toJSON().times).toEqual([1000, 600_000, 601_000]);
    expect(history.handshakes).toBe(3);
  });

  it('begins again when the clock was set back', () => {
    const history = new LiveHistory();
    for (const time of [5000, 6000, 100]) history.add(statusAt(time, { a: 1 }));
    expect(history.toJSON().times).toEqual([100]);
  });

  it('keeps only the sum if there are more than `maxPeers` peers', () => {
    const history = new LiveHistory({ maxPeers: 1 });
    history.add(statusAt(1000, { a: 1, b: 2 }));
    expect(history.toJSON()).toMatchObject({ sum: { received: [3] }, peers: {} });
  });
});

/**
 * Returns a status in which each peer receives the given number of bytes per second, and sends one
 * byte per second.
 */
function statusAt(time: number, received: Record<string, number>): LiveStatus {
  const peers = Object.entries(received).map(([id, receivedBytes]) => ({
    id,
    rates: { ...NO_RATES, receivedBytes, sentBytes: 1 },
  }));
  const total = Object.values(received).reduce((sum, rate) => sum + rate, 0);
  const rates = { ...NO_RATES, receivedBytes: total, sentBytes: peers.length, handshakes: 1 };
  return { version: 1, time, intervalMs: 1000, interfaces: [{ rates }], peers } as never;
}
