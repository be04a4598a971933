import { parseAddress } from '@litz/core';
import type { InstalledRoute, Netlink, RoutingChange, RoutingMonitor } from '@litz/sys';
import { describe, expect, test } from 'vitest';
import { desireHost } from '../../src/plan/desire-host.ts';
import { KernelState } from '../../src/routes/kernel-state.ts';
import { toRoute, toRule } from '../../src/routes/to-kernel.ts';
import { WantedRoutes } from '../../src/routes/wanted-routes.ts';
import { request } from '../requests.ts';

const DESIRED = desireHost(request());

describe('KernelState', () => {
  test('reads everything at first', () => {
    const { state } = create();

    expect(state.link).toMatchObject({ index: 7, up: true, mtu: 1440, prepared: true });
    expect(state.link?.addresses).toEqual([
      { address: parseAddress('10.244.1.0'), prefixLength: 32 },
    ]);
    expect(state.routes.size).toBe([...DESIRED.routes].flat().length);
    expect(state.rules.size).toBe(DESIRED.rules.size);
  });

  test('does not report its own changes as changes by another program', () => {
    const { kernel, state, wanted } = create();
    wanted.clear();
    kernel.changes.push(
      ...kernel.table.map((route) => ({ type: 'route', gone: false, route }) as const),
    );

    expect(state.update(DESIRED)).toBe(false);
    expect(wanted.suspects).toEqual(new Set());
  });

  test('suspects only the route that another program removed', () => {
    const { kernel, state, wanted } = create();
    wanted.clear();
    const route = kernel.table.find(({ type }) => type === 'unicast')!;
    kernel.changes.push({ type: 'route', gone: true, route });

    expect(state.update(DESIRED)).toBe(true);
    expect(wanted.suspects).toEqual(new Set(['10.244.2.0/24 metric 0']));
    expect(state.routes.has('10.244.2.0/24 metric 0')).toBe(false);
  });

  test('notices that a rule was removed, but ignores that the rule is back, and ignores foreign rules', () => {
    const { kernel, state } = create();
    const rule = kernel.rules()[0];
    kernel.changes.push({ type: 'rule', gone: true, rule });
    expect(state.update(DESIRED)).toBe(true);

    kernel.changes.push({ type: 'rule', gone: false, rule });
    expect(state.update(DESIRED)).toBe(false);
    kernel.changes.push({ type: 'rule', gone: false, rule: { ...rule, priority: 77 } });
    expect(state.update(DESIRED)).toBe(false);
  });

  test('notices that a filter may have become strict, if any filter must be loose', () => {
    const { kernel, state } = create();
    const written = (interfaceIndex: number, reversePathFilter: number): boolean => {
      const filter = { interfaceIndex, reversePathFilter };
      kernel.changes.push({ type: 'filter', gone: false, filter });
      return state.update(DESIRED);
    };
    expect(written(3, 1)).toBe(true);
    expect([written(3, 2), written(3, 0)]).toEqual([false, false]);
    expect([written(-1, 1), written(-1, 0)]).toEqual([true, true]);
    expect(written(7, 2)).toBe(true);

    kernel.changes.push({
      type: 'filter',
      gone: false,
      filter: { interfaceIndex: 3, reversePathFilter: 1 },
    });
    expect(state.update({ ...DESIRED, looseLinks: [] })).toBe(false);
  });

  test('lets filters be read again after each change of a filter or link, and after lost notifications', () => {
    const { kernel, state, forgotten } = create();
    const before = forgotten();
    const changes: readonly (readonly [Partial<RoutingChange>, number])[] = [
      [{ type: 'route', route: kernel.table[0] }, 0],
      [{ type: 'rule', rule: kernel.rules()[0] }, 0],
      [{ type: 'filter', filter: { interfaceIndex: 3, reversePathFilter: 0 } }, 1],
      [{ type: 'link', link: { index: 9, name: 'eth9' } as never }, 2],
    ];
    for (const [change, times] of changes) {
      kernel.changes.push({ gone: false, ...change } as RoutingChange);
      state.update(DESIRED);
      expect(forgotten() - before).toBe(times);
    }
    kernel.isLossy = true;
    state.update(DESIRED);
    expect(forgotten() - before).toBe(3);
  });

  test('reads the routes again after every change of the link, because the kernel may remove routes without a report', () => {
    const { kernel, state, wanted } = create();
    wanted.clear();
    kernel.table.length = 0;
    kernel.changes.push({ type: 'link', gone: false, link: kernel.link! } as RoutingChange);

    expect(state.update(DESIRED)).toBe(true);
    expect(state.routes.size).toBe(0);
    expect(wanted.suspects).toBe('all');
  });

  test('has no link while the interface is gone', () => {
    const { kernel, state } = create();
    const link = kernel.link!;
    kernel.link = undefined;
    kernel.changes.push({ type: 'link', gone: true, link } as RoutingChange);
    state.update(DESIRED);

    expect(state.link).toBeUndefined();
  });

  test('reads everything again if notifications were lost', () => {
    const { kernel, state } = create();
    kernel.table.pop();
    kernel.isLossy = true;

    expect(state.update(DESIRED)).toBe(true);
    expect(state.routes.size).toBe(kernel.table.length);
  });

  test('treats its own route as changed if another route has the same key', () => {
    const { kernel, state } = create();
    const ours = kernel.table.find(({ type }) => type === 'unicast')!;
    kernel.table.push({ ...ours, gateway: parseAddress('192.168.50.12'), interfaceIndex: 3 });
    state.resynchronize();

    const key = '10.244.2.0/24 metric 0';
    const wanted = [...DESIRED.routes].flat().find((route) => route.key === key);
    expect(state.routes.get(key)?.text).not.toBe(wanted?.text);
  });
});

function create(): {
  kernel: FakeKernel;
  state: KernelState;
  wanted: WantedRoutes;
  /** How many times `forget` was called. */
  forgotten: () => number;
} {
  let times = 0;
  const kernel = new FakeKernel();
  const wanted = new WantedRoutes();
  wanted.want(DESIRED);
  const state = new KernelState({
    netlink: kernel as unknown as Netlink,
    monitor: kernel as unknown as RoutingMonitor,
    interfaceName: 'litz0',
    numbers: { table: 51871, priority: 900 },
    wanted,
    filters: { forget: () => times++ },
    sysctl: (name) => (name.endsWith('rp_filter') ? '2' : '1'),
  });
  return { kernel, state, wanted, forgotten: () => times };
}

/** A kernel that has everything as desired. */
class FakeKernel {
  readonly changes: RoutingChange[] = [];
  isLossy = false;
  link: { index: number; name: string; up: boolean; mtu: number } | undefined = {
    index: 7,
    name: 'litz0',
    up: true,
    mtu: 1440,
  };
  readonly table: InstalledRoute[] = [...DESIRED.routes].flat().map((route) => {
    const { interfaceIndex = 0, ...rest } = toRoute(route, 51871, 7);
    return { ...rest, interfaceIndex, scope: 0 } as InstalledRoute;
  });

  read(): RoutingChange[] | undefined {
    if (!this.isLossy) return this.changes.splice(0);
    this.isLossy = false;
    return undefined;
  }

  linkByName(): unknown {
    return this.link;
  }

  addresses(): unknown[] {
    const address = { address: parseAddress('10.244.1.0'), prefixLength: 32, scope: 0 };
    return [address, { ...address, address: parseAddress('fe80::1'), scope: 253 }];
  }

  tableRoutes<T>(_table: number, convert: (route: InstalledRoute) => T): T[] {
    return this.table.map(convert);
  }

  rules(): { family: 4 | 6; priority: number; table: number; toTable: boolean }[] {
    const rules = [...DESIRED.rules.values()].map(toRule);
    return rules.map((rule) => ({ ...rule, priority: 900, toTable: true }));
  }
}
