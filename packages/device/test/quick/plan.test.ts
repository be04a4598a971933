import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCidr } from '@litz/config';
import { planTunnel, type HostFacts, type TunnelRequest } from '../../src/quick/plan.ts';
import type { Prefix } from '../../src/quick/prefix.ts';
import { describeStep, type PolicyRule, type Step } from '../../src/quick/step.ts';

const FACTS: HostFacts = {
  outerMtu: 1500,
  usedTables: new Set([254, 255]),
  rulePriorities: { 4: [0, 32766, 32767], 6: [0, 32766] },
  tunnelRules: [],
  srcValidMark: false,
  strictInterfaces: [],
  leftOverFilters: [],
};

describe('planTunnel', () => {
  test('brings up a plain tunnel with routes in the main table', () => {
    const request = tunnel({ addresses: ['10.0.0.1/24', 'fd00::1/64'] });
    const allowedIps = [prefixes('10.0.0.2/32', '192.168.8.0/24'), prefixes('fd00:1::/64')];
    expect(lines({ ...request, allowedIps })).toEqual([
      'create interface wg0',
      'configure wg0: 2 peers',
      'add address 10.0.0.1/24',
      'add address fd00::1/64',
      'set wg0 up, MTU 1420',
      'add route fd00:1::/64 through wg0',
      'add route 192.168.8.0/24 through wg0',
    ]);
  });

  test('puts a default route into a table of its own, for packets without the mark of the tunnel', () => {
    const allowedIps = [prefixes('0.0.0.0/0', '::/0')];
    const request = { ...tunnel({ addresses: ['10.0.0.1/32'] }), allowedIps };
    expect(lines(request)).toEqual([
      'create interface wg0',
      'configure wg0: 1 peer, mark 51820',
      'add address 10.0.0.1/32',
      'set wg0 up, MTU 1420',
      'add route 0.0.0.0/0 through wg0, table 51820',
      'add route ::/0 through wg0, table 51820',
      'set net.ipv4.conf.all.src_valid_mark = 1',
      'add IPv4 rule: all packets use table main, only routes longer than /0',
      'add IPv4 rule: packets without mark 51820 use table 51820',
      'add IPv6 rule: all packets use table main, only routes longer than /0',
      'add IPv6 rule: packets without mark 51820 use table 51820',
    ]);
  });

  test('uses the first table without routes, or the table of the configured mark', () => {
    const request = { ...tunnel({}), allowedIps: [prefixes('0.0.0.0/0')] };
    const used = { ...FACTS, usedTables: new Set([51820, 51821]) };
    expect(tablesOf(planTunnel(request, used))).toEqual(new Set([51822]));
    expect(tablesOf(planTunnel({ ...request, mark: 99 }, used))).toEqual(new Set([99]));
  });

  test('puts its rules in front of the existing rules', () => {
    const request = { ...tunnel({}), allowedIps: [prefixes('0.0.0.0/0')] };
    const facts = { ...FACTS, rulePriorities: { 4: [0, 100, 32766, 32767], 6: [] } };
    expect(rulesOf(planTunnel(request, facts)).map((rule) => rule.priority)).toEqual([98, 99]);
  });

  test('puts every route into the configured table, also the default route', () => {
    const allowedIps = [prefixes('0.0.0.0/0', '10.0.0.0/8')];
    const steps = planTunnel({ ...tunnel({}), table: 1234, allowedIps }, FACTS);
    expect(tablesOf(steps)).toEqual(new Set([1234]));
    expect(rulesOf(steps)).toEqual([]);
  });

  test('adds no route if the table is off', () => {
    const allowedIps = [prefixes('0.0.0.0/0', '10.0.0.0/8')];
    const steps = planTunnel({ ...tunnel({}), table: 'off', allowedIps }, FACTS);
    expect(steps.map((step) => step.type)).toEqual(['create-link', 'configure', 'set-up']);
  });

  test('keeps our own datagrams off a route that contains the endpoint', () => {
    const endpoints = [prefixes('192.0.2.7/32')[0].address];
    const allowedIps = [prefixes('0.0.0.0/1', '128.0.0.0/1', '10.0.0.0/8')];
    const text = lines({ ...tunnel({}), endpoints, allowedIps });
    expect(text).toContain('add route 128.0.0.0/1 through wg0, table 51820');
    expect(text).toContain('add route 0.0.0.0/1 through wg0');
    expect(text).toContain('add route 10.0.0.0/8 through wg0');
  });

  test('makes a strict reverse path filter loose while the tunnel exists', () => {
    const facts = { ...FACTS, strictInterfaces: ['eth0.5'], srcValidMark: true };
    const request = { ...tunnel({}), allowedIps: [prefixes('0.0.0.0/0')] };
    const steps = planTunnel(request, facts);
    expect(steps.filter((step) => step.type === 'loosen-filter')).toEqual([
      { type: 'loosen-filter', link: 'eth0.5' },
    ]);
    expect(lines(request, facts)).toContain('set net/ipv4/conf/eth0.5/rp_filter = 2');
  });

  describe('after a tunnel was killed', () => {
    test.each(['auto', 'off', 99] as const)(
      'restores the filters that the killed tunnel left loose (table %s)',
      (table) => {
        const left = { ...FACTS, leftOverFilters: ['eth0'], strictInterfaces: ['eth0'] };
        const plain = { ...tunnel({}), table, allowedIps: [prefixes('10.0.0.2/32', '::/0')] };
        expect(lines(plain, left)).toContain('restore left-over net/ipv4/conf/eth0/rp_filter');
      },
    );

    test('leaves the filters of the killed tunnel loose if the new tunnel needs them loose', () => {
      const left = { ...FACTS, leftOverFilters: ['eth0'], strictInterfaces: ['eth0'] };
      const whole = { ...tunnel({}), allowedIps: [prefixes('0.0.0.0/0')] };
      const filters = lines(whole, left).filter((line) => line.includes('rp_filter'));
      expect(filters).toEqual(['set net/ipv4/conf/eth0/rp_filter = 2']);
    });

    const [byMark, mainFirst, ofAnother, mainFirstOfAnother] = (
      [
        [32765, 51820],
        [32763, 51821],
      ] as const
    ).flatMap(([priority, table]): PolicyRule[] => [
      { family: 4, priority, table, notMark: table },
      { family: 4, priority: priority - 1, table: 254, suppressPrefixLength: 0 },
    ]);
    const request = { ...tunnel({}), allowedIps: [prefixes('0.0.0.0/0', '::/0')] };
    const facts: HostFacts = {
      ...FACTS,
      rulePriorities: { 4: [0, 32762, 32763, 32764, 32765, 32766, 32767], 6: [0, 32766] },
      tunnelRules: [mainFirstOfAnother, ofAnother, mainFirst, byMark],
    };

    test('deletes the left-over rules of the table that the new tunnel uses, and takes over their priorities', () => {
      const alone = {
        ...facts,
        rulePriorities: { 4: [0, 32764, 32765, 32766, 32767], 6: [0, 32766] },
        tunnelRules: [mainFirst, byMark],
      };
      const steps = planTunnel(request, alone);
      expect(deletedBy(steps)).toEqual([byMark, mainFirst]);
      expect(rulesOf(steps).map(({ family, priority }) => [family, priority])).toEqual([
        [4, 32764],
        [4, 32765],
        [6, 32764],
        [6, 32765],
      ]);
      expect(lines(request, alone)).toContain(
        'delete left-over IPv4 rule: packets without mark 51820 use table 51820',
      );
    });

    test('does not delete rules of other tables', () => {
      const steps = planTunnel(request, facts);
      expect(deletedBy(steps)).toEqual([byMark, mainFirst]);
      expect(rulesOf(steps)[0]).toMatchObject({ family: 4, priority: 32760 });
    });

    test('does not delete rules whose table has a route, because their tunnel exists', () => {
      const used = { ...facts, usedTables: new Set([254, 51820]) };
      expect(deletedBy(planTunnel(request, used))).toEqual([ofAnother, mainFirstOfAnother]);
      expect(deletedBy(planTunnel({ ...request, mark: 51820 }, used))).toEqual([]);
      expect(deletedBy(planTunnel({ ...request, table: 51821 }, facts))).toEqual([]);
    });
  });

  test('uses the MTU of the route minus 80 bytes, or 1420 if there is no route', () => {
    expect(mtuOf(planTunnel(tunnel({}), { ...FACTS, outerMtu: 9000 }))).toBe(8920);
    expect(mtuOf(planTunnel(tunnel({}), { ...FACTS, outerMtu: undefined }))).toBe(1420);
    expect(mtuOf(planTunnel({ ...tunnel({}), mtu: 1380 }, FACTS))).toBe(1380);
    expect(mtuOf(planTunnel(tunnel({}), { ...FACTS, outerMtu: 65536 }))).toBe(65456);
  });

  test('never routes our own datagrams into the tunnel, with any prefixes', () => {
    fc.assert(
      fc.property(fc.array(anyPrefix(), { maxLength: 8 }), anyAddress(), (ranges, endpoint) => {
        const request = { ...tunnel({}), allowedIps: [ranges], endpoints: [endpoint] };
        const steps = planTunnel(request, FACTS);
        expect(entersTunnel(steps, endpoint, markOf(steps))).toBe(false);
        const covered = ranges.some((range) => covers(range, endpoint));
        expect(entersTunnel(steps, endpoint, 0)).toBe(covered);
      }),
    );
  });
});

/**
 * Returns whether a packet enters the tunnel. Walks the rules and routes of a plan as the kernel
 * would.
 */
function entersTunnel(steps: readonly Step[], address: Uint8Array, mark: number): boolean {
  const family = address.length === 4 ? 4 : 6;
  const rules = rulesOf(steps).filter((rule) => rule.family === family);
  const all: PolicyRule[] = [...rules, { family, priority: 32766, table: 254 }];
  for (const rule of all.sort((a, b) => a.priority - b.priority)) {
    if (rule.notMark !== undefined && rule.notMark === mark) continue;
    const found = steps.some(
      (step) =>
        step.type === 'add-route' &&
        step.table === rule.table &&
        step.destination.prefixLength > (rule.suppressPrefixLength ?? -1) &&
        covers(step.destination, address),
    );
    if (found) return true;
  }
  return false;
}

function covers(prefix: Prefix, address: Uint8Array): boolean {
  if (prefix.address.length !== address.length) return false;
  return (
    bits(prefix.address).slice(0, prefix.prefixLength) ===
    bits(address).slice(0, prefix.prefixLength)
  );
}

function bits(address: Uint8Array): string {
  return Array.from(address, (byte) => byte.toString(2).padStart(8, '0')).join('');
}

/** Generates addresses of only a few different bytes, so that prefixes often contain them. */
function anyAddress(): fc.Arbitrary<Uint8Array> {
  const byte = fc.constantFrom(0, 1, 128, 255);
  const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
    fc.array(byte, { minLength: length, maxLength: length }).map((all) => Uint8Array.from(all));
  return fc.oneof(bytes(4), bytes(16));
}

function anyPrefix(): fc.Arbitrary<Prefix> {
  return anyAddress().chain((address) =>
    fc
      .integer({ min: 0, max: address.length * 8 })
      .map((prefixLength) => ({ address, prefixLength })),
  );
}

function tunnel({ addresses = [] }: { addresses?: string[] }): TunnelRequest {
  return {
    name: 'wg0',
    addresses: prefixes(...addresses),
    mtu: undefined,
    table: 'auto',
    mark: 0,
    allowedIps: [],
    endpoints: [],
  };
}

function prefixes(...texts: string[]): Prefix[] {
  return texts.map((text) => parseCidr(text));
}

function lines(request: TunnelRequest, facts: HostFacts = FACTS): string[] {
  return planTunnel(request, facts).map((step) => describeStep(step, request.name));
}

function tablesOf(steps: readonly Step[]): Set<number> {
  return new Set(steps.flatMap((step) => (step.type === 'add-route' ? [step.table] : [])));
}

function rulesOf(steps: readonly Step[]): PolicyRule[] {
  return steps.flatMap((step) => (step.type === 'add-rule' ? [step.rule] : []));
}

function deletedBy(steps: readonly Step[]): PolicyRule[] {
  return steps.flatMap((step) => (step.type === 'delete-rule' ? [step.rule] : []));
}

function mtuOf(steps: readonly Step[]): number | undefined {
  return steps.flatMap((step) => (step.type === 'set-up' ? [step.mtu] : []))[0];
}

function markOf(steps: readonly Step[]): number {
  return steps.flatMap((step) => (step.type === 'configure' ? [step.mark] : []))[0] ?? 0;
}
