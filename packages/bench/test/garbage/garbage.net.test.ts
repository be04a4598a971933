import { existsSync } from 'node:fs';
import { describeWith, programRequirement, requirement } from '@litz/testkit';
import { expect, it } from 'vitest';
import { grownOf } from '../../src/garbage/growth.ts';
import type * as TunPath from '../../src/garbage/tun-path.ts';
import { missingNamespaces } from '../../src/peers/namespace-pair.ts';

const BUILT = new URL('../../dist/garbage/tun-path.js', import.meta.url);
const built = requirement('the built @litz/bench', () =>
  existsSync(BUILT) ? true : 'run `tsc -b` first',
);
const namespaces = requirement('network namespaces', () => missingNamespaces() ?? true);

describeWith([built, namespaces, programRequirement('iperf3')], 'carryOverTun', () => {
  // The sender is not held to it: `bench garbage` shows what it allocates.
  it('finds that the receiver allocates nothing per packet', async () => {
    expect(await grownOfReceiver('copying')).toBeLessThan(10);
  });

  it('finds an object per packet at the receiver', async () => {
    expect(await grownOfReceiver('littering')).toBeGreaterThan(20);
  });
});

/** What is built: children cannot load .ts. */
async function grownOfReceiver(provider: 'copying' | 'littering'): Promise<number> {
  const { carryOverTun } = (await import(BUILT.href)) as Pick<typeof TunPath, 'carryOverTun'>;
  const less = await carryOverTun('TCP', 200_000, provider);
  const more = await carryOverTun('TCP', 1_200_000, provider);
  return grownOf(less.receiver, more.receiver);
}
