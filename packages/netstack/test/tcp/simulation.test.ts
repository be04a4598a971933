import { describe, expect, test } from 'vitest';
import type { PathOptions } from '@litz/testkit';
import { SimulatedPath } from './simulated-path.ts';
import { withoutTimestamps } from './without-timestamps.ts';
import { Transfer, type TransferOptions } from './transfer.ts';

/** `pnpm test:fuzz` runs more seeds. */
const SEEDS = Math.max(8, Number(process.env['FC_NUM_RUNS'] ?? 0) / 20);

describe('two stacks', () => {
  test.each([4, 6] as const)(
    'transfer streams over a clean path, each byte once (IPv%i)',
    (version) => {
      for (const device of ['plain', 'offload', 'mixed'] as const) {
        const path = new SimulatedPath({ device });
        let bytes = 0;
        path.onPacket = (from, packet) => {
          bytes += from === path.a ? packet.length : 0;
        };
        const transfer = transferOver(path, { up: 800_000, down: 300_000, version });
        expect(transfer.client.error).toBeUndefined();
        expect([path.a.drops.toJSON(), path.b.drops.toJSON()]).toEqual([{}, {}]);
        // At most 72 bytes of headers for each 1348 bytes of data: nothing is sent twice.
        expect(bytes).toBeLessThan(800_000 * 1.12);
      }
    },
  );

  test.each<[what: string, options: PathOptions]>([
    ['loses 1 %', { loss: 0.01 }],
    ['loses 5 %', { loss: 0.05 }],
    ['loses 20 %', { loss: 0.2 }],
    ['reorders', { jitter: 15 }],
    ['repeats', { duplicates: 0.2 }],
    ['corrupts', { corruption: 0.02 }],
    ['has a short queue', { rate: 500, queue: 20_000 }],
    ['does all of it', { loss: 0.03, jitter: 5, duplicates: 0.03, corruption: 0.01 }],
  ])('transfer every byte once and in order over a path that %s', (_, options) => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const path = new SimulatedPath({ ...options, seed, device: 'mixed' });
      const tcp = {
        congestionControl: seed % 2 ? 'cubic' : 'new-reno',
        noDelay: seed % 3 === 0,
      } as const;
      const version = seed % 2 ? 4 : 6;
      const transfer = transferOver(path, { up: 60_000 + seed * 1000, down: 25_000, version, tcp });
      expect(transfer.client.error).toBeUndefined();
    }
  });

  test('transfer every byte without timestamps, on paths where timeouts come too early', () => {
    for (let seed = 1; seed <= SEEDS * 4; seed++) {
      // Some packets are later than the least timeout.
      const path = new SimulatedPath({
        seed,
        loss: 0.02,
        jitter: 100 + seed * 10,
        device: 'mixed',
      });
      path.onPacket = (_, packet): void => withoutTimestamps(packet);
      const transfer = transferOver(path, { up: 60_000, down: 25_000 });
      expect(transfer.client.error).toBeUndefined();
    }
  });

  test('transfer every byte while the congestion window is not an integer', () => {
    // After a loss, CUBIC multiplies the window by 0.7, so it has a fraction of a byte.
    const path = new SimulatedPath({ loss: 0.3, seed: 2, stack: { mtu: 65_535 } });
    const transfer = new Transfer(path, { up: 30_000_000 });
    transfer.run(1000);
    path.options = {};
    transfer.run();
    expect(transfer.received).toBe(30_000_000);
  });

  test('end with an error when the path loses everything', () => {
    const path = new SimulatedPath();
    const transfer = new Transfer(path, { up: 10_000_000 });
    transfer.run(200);
    path.options = { loss: 1 };
    const elapsed = transfer.run();
    expect(transfer.client.error?.code).toBe('ETIMEDOUT');
    expect(elapsed).toBeGreaterThan(300_000);
    path.drive(10_000_000);
    expect([path.a.pollTimeout(), path.a.drops.toJSON()]).toEqual([Infinity, {}]);
  });
});

/** Runs a transfer until both ends have read everything. */
function transferOver(path: SimulatedPath, options: TransferOptions): Transfer {
  const transfer = new Transfer(path, options);
  transfer.run();
  const { client, server, received } = transfer;
  expect({ received, error: client.error, other: server?.error }).toEqual({
    received: (options.up ?? 0) + (options.down ?? 0),
    error: undefined,
    other: undefined,
  });
  path.drive(120_000);
  expect([client.state, server?.state]).toEqual(['closed', 'closed']);
  expect([path.a.pollTimeout(), path.b.pollTimeout()]).toEqual([Infinity, Infinity]);
  return transfer;
}
