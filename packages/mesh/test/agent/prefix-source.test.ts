import { formatCidr, parseCidr } from '@litz/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CniPrefixes, staticPrefixes } from '../../src/agent/prefix-source.ts';
import type { CniFacts } from '../../src/host/host-facts.ts';
import { plainFacts } from '../host-facts.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('staticPrefixes', () => {
  it('reports the prefixes of the command line at once', () => {
    const reported: string[][] = [];
    staticPrefixes([parseCidr('10.244.1.0/24')]).follow({
      onPrefixes: (prefixes) => reported.push(prefixes.map(formatCidr)),
      onTrouble: () => {},
    });
    expect(reported).toEqual([['10.244.1.0/24']]);
  });
});

describe('CniPrefixes', () => {
  it('reports that no configuration names a prefix, and looks again every second', async () => {
    const { cni, source, reports } = following({ file: undefined, prefixes: [] });
    await pass(0);
    expect(reports).toEqual([
      expect.stringMatching(/^there is no CNI configuration with a pod prefix: /),
    ]);
    cni.prefixes = [parseCidr('10.244.1.0/24')];
    await pass(999);
    expect(reports).toHaveLength(1);
    await pass(1);
    expect(reports.slice(1)).toEqual([['10.244.1.0/24'], undefined]);
    source.close();
  });

  it('follows a configuration that changes, and reports each change once', async () => {
    const { cni, source, reports } = following();
    await pass(30_000);
    expect(reports.filter(Array.isArray)).toEqual([['10.244.1.0/24']]);
    cni.prefixes = [parseCidr('10.244.7.0/24'), parseCidr('fd44:0:0:7::/64')];
    await pass(30_000);
    expect(reports.filter(Array.isArray).slice(1)).toEqual([['10.244.7.0/24', 'fd44:0:0:7::/64']]);
    source.close();
  });

  it('keeps the prefixes when the configuration becomes bad, and reports the problem', async () => {
    const { cni, source, reports } = following();
    await pass(0);
    cni.prefixes = [];
    cni.trouble = '/etc/cni/net.d/10-pods.conflist: Unexpected end of JSON input';
    await pass(10_000);
    expect(reports.at(-1)).toBe(cni.trouble);
    cni.prefixes = plainFacts().cni.prefixes;
    await pass(1000);
    expect(reports.at(-1)).toBeUndefined();
    expect(reports.filter(Array.isArray)).toHaveLength(1);
    source.close();
  });

  it('reports why it could not read the configuration, and tries again every second', async () => {
    const read = vi.fn<() => Promise<never>>(async () => {
      throw new Error('no netlink');
    });
    const { source, reports } = following({}, read);
    await pass(2000);
    expect(reports).toEqual(['no netlink', 'no netlink', 'no netlink']);
    source.close();
    await pass(10_000);
    expect(read).toHaveBeenCalledTimes(3);
  });

  it('reports nothing when it is closed while it reads', async () => {
    const { source, reports } = following();
    source.close();
    await pass(20_000);
    expect(reports).toEqual([]);
  });
});

/**
 * Follows a configuration that the test can change. `reports` has prefixes as texts, problems, and
 * undefined when a problem is over.
 */
function following(
  more: Partial<CniFacts> = {},
  read?: () => Promise<{ cni: CniFacts }>,
): {
  cni: { -readonly [Key in keyof CniFacts]: CniFacts[Key] };
  source: CniPrefixes;
  reports: (string[] | string | undefined)[];
} {
  const cni = { ...plainFacts().cni, ...more };
  const source = new CniPrefixes(read ?? (async () => ({ cni: { ...cni } })));
  const reports: (string[] | string | undefined)[] = [];
  source.follow({
    onPrefixes: (prefixes) => reports.push(prefixes.map(formatCidr)),
    onTrouble: (trouble) => reports.push(trouble),
  });
  return { cni, source, reports };
}

async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}
