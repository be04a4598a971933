import { existsSync } from 'node:fs';
import { describeWith, programRequirement, requirement } from '@litz/testkit';
import { expect, it } from 'vitest';
import type { Measurement } from '../../src/results/result.ts';
import type * as Rollout from '../../src/rollout/rollout.ts';
import { missingForRollout } from '../../src/rollout/rollout.ts';

/** The built file, because child processes cannot load .ts files. */
const BUILT = new URL('../../dist/rollout/rollout.js', import.meta.url);
const requirements = [
  requirement('the built @litz/bench', () => (existsSync(BUILT) ? true : 'run `tsc -b` first')),
  requirement('namespaces, the built litz and iperf3', () => missingForRollout() ?? true),
  programRequirement('nft'),
];

describeWith(requirements, 'measureRollout', () => {
  // `pnpm bench:rollout` does the same with 8 nodes, and kills the agent and the daemon of a node
  // ten times each.
  it('finds no lost packet when a small mesh is switched on or off or an agent is killed, and that everything soon works again after a daemon is killed', async () => {
    const { measureRollout } = (await import(BUILT.href)) as typeof Rollout;
    const said: string[] = [];
    const settings = { nodes: 4, agentKills: 3, daemonKills: 3 };
    const measurements = await measureRollout(settings, (text) => said.push(text));

    for (const change of ['switched on', 'agent killed', 'switched off']) {
      const figures = of(measurements, change);
      const lost = figures['UDP packets lost'];
      const resets = figures['TCP resets'];
      expect({ change, lost, resets, said }).toEqual({ change, lost: 0, resets: 0, said });
      expect(figures['UDP packets sent']).toBeGreaterThan(4000);
      expect(figures['TCP data']).toBeGreaterThan(1);
    }
    const killed = of(measurements, 'daemon killed');
    const started = killed['until the new link is there'] ?? 0;
    // Starting a program takes 0.4 s on a quiet machine. If it takes longer, all times are longer.
    const longest = Math.max(300, started / 2);
    expect(killed['from the new link until everything is applied again']).toBeLessThanOrEqual(
      longest,
    );
  });
});

function of(measurements: readonly Measurement[], subject: string): Record<string, number | null> {
  const some = measurements.filter((one) => one.subject === subject);
  return Object.fromEntries(some.map(({ figure, value }) => [figure, value]));
}
