import { parseCidr } from '@litz/core';
import { describe, expect, it } from 'vitest';
import { meshRuleset, type RulesetRequest } from '../../src/netfilter/mesh-ruleset.ts';
import { RulesetCache } from '../../src/netfilter/ruleset-cache.ts';

const REQUEST: RulesetRequest = {
  interfaceName: 'litz0',
  port: 51_871,
  enforcement: 'enforce',
  clusterPrefixes: [parseCidr('10.244.0.0/16')],
  own: {
    addresses: ['192.0.2.1'],
    prefixes: [parseCidr('10.244.1.0/24')],
    encryptsNode: false,
  },
  registryAddresses: [{ address: '192.0.2.9', port: 2379 }],
  underlayLinks: ['eth0'],
  mtu: 1420,
  mtu4: 1420,
  addresses: [parseCidr('10.244.1.0/32')],
  withNodes: true,
};

/** Changes of `REQUEST`. Each one changes one input. */
const CHANGES: readonly Partial<RulesetRequest>[] = [
  { interfaceName: 'litz1' },
  { port: 51_872 },
  { enforcement: 'permissive' },
  { clusterPrefixes: [parseCidr('10.245.0.0/16')] },
  { own: { ...REQUEST.own, prefixes: [parseCidr('10.244.2.0/24')] } },
  { own: { ...REQUEST.own, addresses: ['192.0.2.2'] } },
  { registryAddresses: [{ address: '192.0.2.9', port: 2380 }] },
  { underlayLinks: ['eth1'] },
  { mtu: 1300 },
  { mtu4: 1300 },
  { withNodes: false },
];

describe('RulesetCache', () => {
  it('returns the same text while the inputs stay the same', () => {
    const cache = new RulesetCache();
    const text = cache.textFor(REQUEST);
    expect(text).toBe(meshRuleset(REQUEST));
    expect(cache.textFor({ ...REQUEST, own: { ...REQUEST.own } })).toBe(text);
  });

  it.each(CHANGES)(
    'returns a new text for the change %o, and the former text when the change is undone',
    (change) => {
      const cache = new RulesetCache();
      const before = cache.textFor(REQUEST);
      const changed = { ...REQUEST, ...change };
      expect(cache.textFor(changed)).toBe(meshRuleset(changed));
      expect(cache.textFor(changed)).not.toBe(before);
      expect(cache.textFor(REQUEST)).toBe(before);
    },
  );
});
