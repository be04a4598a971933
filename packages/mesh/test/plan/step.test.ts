import { parseCidr } from '@litz/core';
import { describe, expect, test } from 'vitest';
import { meshRoute } from '../../src/plan/mesh-route.ts';
import { meshRule } from '../../src/plan/mesh-rule.ts';
import { describeStep, type Step } from '../../src/plan/step.ts';

describe('describeStep', () => {
  test.each<[Step, string]>([
    [{ type: 'prepare-link' }, 'prepare the interface'],
    [{ type: 'set-mtu', mtu: 1440 }, 'set the MTU of the interface to 1440'],
    [{ type: 'set-up' }, 'set the interface up'],
    [{ type: 'add-address', address: parseCidr('10.1.0.0/32') }, 'add address 10.1.0.0/32'],
    [{ type: 'delete-address', address: parseCidr('10.1.0.0/32') }, 'delete address 10.1.0.0/32'],
    [
      { type: 'set-route', route: meshRoute('throw', parseCidr('10.1.0.0/24')) },
      'set route 10.1.0.0/24 metric 0 throw',
    ],
    [
      { type: 'delete-route', route: meshRoute('unreachable', parseCidr('fd00::/48')) },
      'delete route fd00::/48 metric 1024 unreachable',
    ],
    [
      { type: 'add-rule', rule: meshRule({ family: 4, priority: 900, table: 51871 }) },
      'add rule IPv4 priority 900: lookup 51871',
    ],
    [
      {
        type: 'delete-rule',
        rule: meshRule({ family: 6, priority: 899, table: 254, tcpTo: 6443 }),
      },
      'delete rule IPv6 priority 899: ipproto tcp dport 6443 lookup main',
    ],
    [{ type: 'load-ruleset', ruleset: '' }, 'load the nftables ruleset'],
    [{ type: 'remove-ruleset' }, 'remove the nftables ruleset'],
    [{ type: 'loosen-filter', link: 'eth0' }, 'make the reverse path filter of eth0 loose'],
    [{ type: 'restore-filter', link: 'eth0' }, 'restore the reverse path filter of eth0'],
  ])('describes %o', (step, text) => {
    expect(describeStep(step)).toBe(text);
  });
});
