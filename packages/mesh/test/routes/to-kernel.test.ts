import { parseAddress, parseCidr } from '@litz/core';
import type { InstalledRoute, InstalledRule } from '@litz/sys';
import { describe, expect, test } from 'vitest';
import { desireHost } from '../../src/plan/desire-host.ts';
import { meshRoute } from '../../src/plan/mesh-route.ts';
import { meshRule } from '../../src/plan/mesh-rule.ts';
import {
  fromRoute,
  fromRule,
  toDeletedRoute,
  toDeletedRule,
  toRoute,
  toRule,
} from '../../src/routes/to-kernel.ts';
import { request } from '../requests.ts';

const PLACE = { table: 51871, priority: 900 };
const KERNEL = 2;

describe('toRoute', () => {
  test('converts every route of every mode without loss', () => {
    for (const mode of ['pods', 'nodes', 'all'] as const) {
      for (const route of [...desireHost(request({ mode })).routes].flat()) {
        const installed = { ...toRoute(route, 51871, 7), scope: 0 } as InstalledRoute;
        expect(
          fromRoute({ ...installed, interfaceIndex: installed.interfaceIndex ?? 0 }, 7),
        ).toEqual(route);
      }
    }
  });

  test('marks the route as made by the kernel, so that other programs do not change it', () => {
    expect(toRoute(meshRoute('throw', parseCidr('10.1.0.0/24')), 51871, 7)).toEqual({
      destination: parseAddress('10.1.0.0'),
      prefixLength: 24,
      table: 51871,
      metric: 0,
      type: 'throw',
      protocol: KERNEL,
    });
  });
});

describe('toDeletedRoute', () => {
  test('contains neither type nor protocol', () => {
    expect(toDeletedRoute(meshRoute('throw', parseCidr('10.1.0.0/24')), 51871)).toEqual({
      destination: parseAddress('10.1.0.0'),
      prefixLength: 24,
      table: 51871,
      metric: 0,
    });
  });
});

describe('fromRoute', () => {
  const ours: InstalledRoute = {
    destination: parseAddress('10.244.2.0'),
    prefixLength: 24,
    interfaceIndex: 7,
    table: 51871,
    metric: 0,
    protocol: KERNEL,
    scope: 253,
    type: 'unicast',
  };

  test.each<[string, Partial<InstalledRoute>]>([
    ['another interface', { interfaceIndex: 8 }],
    ['a gateway', { gateway: parseAddress('10.0.0.1') }],
    ['another protocol number', { protocol: 3 }],
    ['another type', { type: 'blackhole' }],
  ])('treats a route with %s as foreign, under the same key', (_, other) => {
    const route = fromRoute({ ...ours, ...other }, 7);

    expect(route.foreign).toBe(true);
    expect(route.key).toBe(fromRoute(ours, 7).key);
    expect(route.text).not.toBe(fromRoute(ours, 7).text);
    expect(fromRoute(ours, 7).foreign).toBeUndefined();
  });
});

describe('toRule', () => {
  test('converts every rule of every mode without loss', () => {
    const registryAddresses = [
      { address: '192.168.50.12', port: 6443 },
      { address: 'fd50::11', port: 2379 },
    ];
    for (const mode of ['pods', 'nodes', 'all'] as const) {
      for (const rule of desireHost(request({ mode, registryAddresses })).rules.values()) {
        const installed = { ...toRule(rule), toTable: true } as InstalledRule;
        expect(fromRule(installed, PLACE)).toEqual(rule);
      }
    }
  });
});

describe('toDeletedRule', () => {
  test('has no protocol, so that it also matches a rule that another program added again', () => {
    const rule = meshRule({ family: 4, priority: 900, table: 51871 });

    expect(toRule(rule).protocol).toBe(KERNEL);
    expect(toDeletedRule(rule)).toEqual({ family: 4, priority: 900, table: 51871 });
  });
});

describe('fromRule', () => {
  const ours: InstalledRule = {
    family: 4,
    priority: 900,
    table: 51871,
    protocol: 2,
    toTable: true,
  };

  test('recognizes the own rule, also if another program added it again', () => {
    expect(fromRule(ours, PLACE)?.text).toBe('IPv4 priority 900: lookup 51871');
    expect(fromRule({ ...ours, protocol: 3 }, PLACE)).toEqual(fromRule(ours, PLACE));
  });

  test.each<[string, Partial<InstalledRule>]>([
    ['another priority', { priority: 901 }],
    ['another table', { table: 77 }],
    ['conditions that rules of the mesh never have', { hasOtherConditions: true }],
    ['a mark without an inversion', { mark: 1, markMask: 1 }],
    ['an inversion without a mark', { invert: true }],
    ['a mark under a wider mask', { mark: 1, markMask: 3, invert: true }],
    ['a suppressed prefix length', { suppressPrefixLength: 0 }],
    ['no table', { toTable: false }],
    ['the main table, but no port', { table: 254, priority: 899 }],
    [
      'the main table, a port and another protocol number',
      { table: 254, priority: 899, ipProtocol: 6, destinationPort: 80, protocol: 3 },
    ],
  ])('ignores a rule with %s', (_, other) => {
    expect(fromRule({ ...ours, ...other }, PLACE)).toBeUndefined();
  });
});
