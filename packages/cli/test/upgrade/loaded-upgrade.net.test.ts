/**
 * Tests upgrades while iperf3 sends. The rate is fixed, so that a gap shows the upgrade and not the
 * load of a busy machine.
 */
import { describeWith, programRequirement } from '@litz/testkit';
import { afterEach, expect, it } from 'vitest';
import { litz } from '../interop/implementation.ts';
import type { Namespace } from '../interop/namespace.ts';
import { eventually } from '../interop/underlay.ts';
import { realInterfaces } from '../litz-process.ts';
import { LONG, record } from './record.ts';
import { twoNamespaces, until, UpgradedTunnel } from './upgraded-tunnel.ts';
import { WireCounters } from './wire-counters.ts';

const needed = [
  ...realInterfaces,
  programRequirement('iperf3', ['--version']),
  programRequirement('tcpdump', ['--version']),
];
/**
 * `LITZ_LONG=1` makes more upgrades, and expects gaps as short as on a machine with nothing else to
 * do.
 */
const UPGRADES = LONG ? 10 : 2;
const LONGEST_GAP_MS = LONG ? 50 : 500;

let world: UpgradedTunnel | undefined;

afterEach(async () => {
  await world?.remove();
  world = undefined;
});

describeWith(needed, 'an upgrade while iperf3 sends', () => {
  it.each([
    ['one thread', '1'],
    ['two threads', '2'],
  ])(
    'uses no counter twice and makes no long gap: %s',
    async (_, threads) => {
      world = await UpgradedTunnel.create(litz, twoNamespaces, { LITZ_THREADS: threads });
      const { a, b } = world.underlay;
      await world.ping();
      const wire = new WireCounters(a.name, 'veth0', '192.168.77.1');
      const arrivals = await watchArrivals(b, world.tunnel.b.link);
      try {
        const server = b.start('iperf3', [
          '-s',
          '-1',
          '-B',
          world.tunnel.b.inner.v4,
          '-i',
          '0',
          '--forceflush',
        ]);
        await eventually('iperf3 listens', () => server.output().includes('listening'));
        // The client sends longer than the upgrades take on a busy machine, and is killed after them.
        const seconds = UPGRADES * 20;
        const words = ['-c', world.tunnel.b.inner.v4, '-t', `${seconds}`, '-b', '100M', '-i', '0'];
        const client = a.start('iperf3', words);
        await until(() => arrivals.count() > 500);
        const lines: string[] = [];
        for (let i = 0; i < UPGRADES; i++) {
          const line = await world.upgrade();
          expect(line).toMatch(/nothing was read or sent for/);
          lines.push(line.trim());
          await until(() => world!.pids().length === 1);
        }
        // A gap belongs to an upgrade only while the client still sends.
        expect(client.process.exitCode).toBeNull();
        const gaps = arrivals.gapsMs();
        const messages = wire.size;
        record(`iperf3-${threads}-threads`, {
          upgrades: UPGRADES,
          longestGapsMs: gaps,
          lines,
          messages,
        });
        expect(wire.twice).toEqual([]);
        expect(messages).toBeGreaterThan(10_000);
        expect(gaps[0]).toBeLessThan(LONGEST_GAP_MS);
      } finally {
        wire.close();
      }
    },
    UPGRADES * 20_000 + 30_000,
  );
});

/** Records the times at which the kernel sees packets come out of the tunnel. */
async function watchArrivals(
  machine: Namespace,
  link: string,
): Promise<{ count: () => number; gapsMs: () => number[] }> {
  const words = ['-i', link, '-l', '-n', '-q', '-tt', '-s', '64', '--immediate-mode'];
  const started = machine.start('tcpdump', [...words, 'tcp and dst port 5201 and greater 500']);
  await eventually('tcpdump listens', () => started.output().includes('listening on'));
  const times = (): number[] =>
    [...started.output().matchAll(/^(\d+\.\d+) IP/gm)].map(([, seconds]) => Number(seconds) * 1000);
  return {
    count: () => times().length,
    // The longest gaps, two for each upgrade. The longest gap comes first.
    gapsMs: () =>
      times()
        .map((time, i, all) => Math.round((time - (all[i - 1] ?? time)) * 10) / 10)
        .toSorted((a, b) => b - a)
        .slice(0, 2 * UPGRADES),
  };
}
