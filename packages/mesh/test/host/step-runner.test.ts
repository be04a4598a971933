import type { Netlink } from '@litz/sys';
import { describe, expect, test } from 'vitest';
import { RulesetKeeper } from '../../src/netfilter/ruleset-keeper.ts';
import { meshRule } from '../../src/plan/mesh-rule.ts';
import type { Step } from '../../src/plan/step.ts';
import type { LinkFilters } from '../../src/routes/link-filters.ts';
import { StepRunner } from '../../src/host/step-runner.ts';

const RULE = meshRule({ family: 4, priority: 900, table: 51871 });
const STEPS: readonly Step[] = [
  { type: 'loosen-filter', link: 'eth0' },
  { type: 'add-rule', rule: RULE },
  { type: 'load-ruleset', ruleset: 'one' },
  { type: 'delete-rule', rule: RULE },
  { type: 'restore-filter', link: 'eth1' },
];

describe('StepRunner', () => {
  test('keeps the order of the plan for all kinds of steps', async () => {
    const { runner, calls } = create();

    expect(await runner.run(STEPS, true)).toEqual([]);
    expect(calls).toEqual(['loosen eth0', 'addRule', 'load one', 'deleteRule', 'restore eth1']);
  });

  test('removes nothing if enforce is wanted and the backstop could not be loaded', async () => {
    const { runner, calls } = create({ load: new Error('nft: syntax error') });

    expect(await runner.run(STEPS, true)).toEqual([
      'could not load the nftables ruleset: nft: syntax error',
    ]);
    expect(calls).not.toContain('deleteRule');
  });

  test('continues without the backstop if enforce is not wanted', async () => {
    const missing = Object.assign(new Error('spawn nft ENOENT'), { code: 'ENOENT' });
    const { runner, calls } = create({ load: missing });

    expect(await runner.run(STEPS, false)).toEqual([
      expect.stringMatching(/install the package nftables/),
    ]);
    expect(calls).toContain('deleteRule');
  });

  test('reports which reverse path filter could not be set, and does the other steps', () => {
    const { runner, calls } = create({ loosen: new Error('EROFS') });

    expect(runner.runNow(STEPS.slice(0, 2))).toEqual([
      'could not make the reverse path filter of eth0 loose: EROFS',
    ]);
    expect(calls).toEqual(['loosen eth0', 'addRule']);
  });
});

function create(failures: { readonly load?: Error; readonly loosen?: Error } = {}): {
  runner: StepRunner;
  calls: string[];
} {
  const calls: string[] = [];
  const call = (name: string, failure?: Error): void => {
    calls.push(name);
    if (failure) throw failure;
  };
  const nft = {
    load: async (ruleset: string) => call(`load ${ruleset}`, failures.load),
    remove: async () => call('remove'),
    list: async () => 'listing',
  };
  const filters = {
    loosen: (link: string) => call(`loosen ${link}`, failures.loosen),
    restore: (link: string) => call(`restore ${link}`),
  };
  const netlink = { addRule: () => call('addRule'), deleteRule: () => call('deleteRule') };
  const runner = new StepRunner({
    netlink: netlink as unknown as Netlink,
    table: 51871,
    filters: filters as unknown as LinkFilters,
    ruleset: new RulesetKeeper(nft, { read: () => undefined }),
    linkIndex: () => 7,
  });
  return { runner, calls };
}
