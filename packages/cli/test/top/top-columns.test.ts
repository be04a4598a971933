import { describe, expect, it } from 'vitest';
import type { LivePeer } from '../../src/live/live-status.ts';
import { fitColumns, sortPeers } from '../../src/top/top-columns.ts';
import { examplePeer, exampleStatus, NOW } from '../live/examples.ts';

const context = { time: NOW, dots: '…' };

describe('fitColumns', () => {
  it('never needs more than the width, and always shows the peer', async () => {
    const { peers } = await exampleStatus([], [examplePeer(1), examplePeer(2)]);
    for (const hasManyInterfaces of [false, true]) {
      for (let width = 1; width < 300; width++) {
        const columns = fitColumns(peers, width, { hasManyInterfaces, context });
        const needed = columns.reduce((sum, column) => sum + column.width + 1, -1);
        expect([width, columns[0]?.title]).toEqual([width, 'PEER']);
        // The column of the peer is always shown, and cut at the edge.
        expect([width, needed <= Math.max(width, 10)]).toEqual([width, true]);
      }
    }
  });

  it('shows everything uncut if the width is Infinity', async () => {
    const { peers } = await exampleStatus([], [examplePeer(1)]);
    const columns = fitColumns(peers, Infinity, { hasManyInterfaces: true, context });
    expect(columns.length).toBe(12);
    expect(columns[0]?.text(peers[0], context)).toBe(peers[0]?.publicKey);
  });

  it('has no column for the interface if there is only one interface', async () => {
    const { peers } = await exampleStatus([], [examplePeer(1)]);
    const titles = fitColumns(peers, 300, { hasManyInterfaces: false, context });
    expect(titles.map(({ title }) => title)).not.toContain('IFACE');
  });
});

describe('sortPeers', () => {
  it.each([
    ['received', [2, 1, 3]],
    ['sent', [1, 2, 3]],
    ['packets', [3, 1, 2]],
    ['drops', [1, 2, 3]],
    ['handshake', [3, 2, 1]],
    ['roundtrip', [2, 3, 1]],
    ['state', [1, 2, 3]],
    ['name', [1, 2, 3]],
  ] as const)('sorts by %s', async (order, expected) => {
    const before = [1, 2, 3].map((number) => examplePeer(number));
    const after = [
      { ...examplePeer(1), sentBytes: 9, drops: { 'invalid-tag': 1 }, lastHandshakeUnixMs: 0 },
      { ...examplePeer(2), receivedBytes: 9, roundTripMs: 9, lastHandshakeUnixMs: NOW - 9000 },
      { ...examplePeer(3), sentMessages: 9, roundTripMs: 0.1, lastHandshakeUnixMs: NOW },
    ];
    const { peers } = await exampleStatus(before, after);
    expect(numbers(sortPeers(peers, order, false))).toEqual(expected);
    // Equal peers keep their order.
    const reversed = numbers(sortPeers(peers, order, true));
    expect(reversed.at(-1)).toBe(order === 'sent' ? 1 : expected[0]);
  });
});

/** Returns the numbers of the peers, which are in their endpoints. */
function numbers(list: readonly LivePeer[]): number[] {
  return list.map(({ endpoint = '' }) => Number(endpoint.split(':')[0]?.split('.')[3]));
}
