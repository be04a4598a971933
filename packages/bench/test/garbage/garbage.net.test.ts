import { existsSync } from 'node:fs';
import { describeWith, programRequirement, requirement } from '@litz/testkit';
import { expect, it } from 'vitest';
import { scavengesPerMillion } from '../../src/garbage/growth.ts';
import type * as TunPath from '../../src/garbage/tun-path.ts';
import { missingNamespaces } from '../../src/peers/namespace-pair.ts';

const BUILT = new URL('../../dist/garbage/tun-path.js', import.meta.url);
const built = requirement('the built @litz/bench', () =>
  existsSync(BUILT) ? true : 'run `tsc -b` first',
);
const namespaces = requirement('network namespaces', () => missingNamespaces() ?? true);

describeWith([built, namespaces, programRequirement('iperf3')], 'carryOverTun', () => {
  it('finds that neither end allocates per packet', async () => {
    const grown = await grownOfEnds('copying');
    expect(grown.sender).toBeLessThan(10);
    expect(grown.receiver).toBeLessThan(10);
  });

  it('detects one object per packet at both ends', async () => {
    const grown = await grownOfEnds('littering');
    expect(grown.sender).toBeGreaterThan(20);
    expect(grown.receiver).toBeGreaterThan(20);
  });
});

/**
 * Returns the scavenges per additional 1,000,000 packets at each end. Until V8 has compiled the
 * code, it makes objects for numbers. Both runs last longer than that, so these objects are in both
 * counts and not in the difference. Imports the built file, because child processes cannot load .ts
 * files.
 */
async function grownOfEnds(
  provider: 'copying' | 'littering',
): Promise<{ sender: number; receiver: number }> {
  const { carryOverTun } = (await import(BUILT.href)) as Pick<typeof TunPath, 'carryOverTun'>;
  const less = await carryOverTun('TCP', 800_000, provider);
  const more = await carryOverTun('TCP', 2_400_000, provider);
  return {
    sender: scavengesPerMillion(less.sender, more.sender),
    receiver: scavengesPerMillion(less.receiver, more.receiver),
  };
}
