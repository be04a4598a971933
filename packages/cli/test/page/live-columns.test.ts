import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { liveColumns } from '../../page/live-columns.js';
import { examplePeer, exampleStatus } from '../live/examples.ts';

describe('liveColumns', () => {
  it('has the same titles as the table in index.html', () => {
    const html = readFileSync(new URL('../../page/index.html', import.meta.url), 'utf8');
    const titles = [...html.matchAll(/<th [^>]*>([^<]*)<\/th>/g)].map(([, title]) => title);
    expect(titles).toEqual(['Peer', ...liveColumns.titles]);
  });

  it('has a text for each column', async () => {
    const peer = examplePeer(1, { roundTripMs: 12.3, drops: { 'invalid-tag': 2 } });
    const status = await exampleStatus([peer], [{ ...peer, receivedBytes: 1250 }]);
    const texts = status.peers.map((one) => liveColumns.texts(one, status))[0];
    expect(texts).toEqual([
      'connected',
      'wg0',
      '192.0.2.1:51820',
      '11 s',
      '12.3 ms',
      '10.0 kbit/s',
      '0 bit/s',
      '0/s',
      '2',
      '1.2 KiB',
      '0 B',
      '10.0.0.1/32',
    ]);
  });

  it('sorts in each order that index.html offers', async () => {
    const html = readFileSync(new URL('../../page/index.html', import.meta.url), 'utf8');
    const orders = [...html.matchAll(/<option value="(\w+)"/g)].map(([, order = '']) => order);
    const status = await exampleStatus(
      [examplePeer(1), examplePeer(2)],
      [
        examplePeer(1, { lastHandshakeUnixMs: 0 }),
        examplePeer(2, { sentBytes: 9, sentMessages: 9, roundTripMs: 1, drops: { 'no-peer': 1 } }),
      ],
    );
    const weights = orders.map((order) => {
      const [first = 0, second = 0] = status.peers.map(liveColumns.weight(order, status));
      return [order, Math.sign(first - second)];
    });
    expect(Object.fromEntries(weights)).toEqual({
      throughput: 1,
      packets: 1,
      drops: 1,
      handshake: 1,
      roundtrip: 1,
      state: -1,
      name: 0,
    });
  });
});
