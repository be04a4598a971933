import { parseCidr } from '@litz/core';
import { SystemError, type Netlink, type RouteChange } from '@litz/sys';
import { describe, expect, test } from 'vitest';
import { meshRoute } from '../../src/plan/mesh-route.ts';
import { meshRule } from '../../src/plan/mesh-rule.ts';
import { carryOut, isKernelStep, type KernelStep } from '../../src/routes/carry-out.ts';

const ROUTE = meshRoute('unicast', parseCidr('10.244.2.0/24'));
const RULE = meshRule({ family: 4, priority: 900, table: 51871 });
const [EEXIST, EINVAL, ENOENT, ESRCH] = [17, 22, 2, 3];

describe('carryOut', () => {
  test('changes consecutive routes in one request, and keeps the order of all steps', () => {
    const netlink = new FakeNetlink();
    const other = meshRoute('throw', parseCidr('10.244.1.0/24'));

    const troubles = run(netlink, [
      { type: 'set-mtu', mtu: 1440 },
      { type: 'set-route', route: other },
      { type: 'set-route', route: ROUTE },
      { type: 'add-rule', rule: RULE },
      { type: 'delete-route', route: ROUTE },
    ]);

    expect(troubles).toEqual([]);
    expect(netlink.calls).toEqual([
      'setLink {"mtu":1440}',
      'changeRoutes replace replace',
      'addRule',
      'changeRoutes delete',
    ]);
  });

  test('accepts that another program has already done a step', () => {
    const netlink = new FakeNetlink();
    netlink.failures.set('addRule', EEXIST);
    netlink.failures.set('deleteRule', ENOENT);
    netlink.routeFailures.push(ESRCH);

    expect(
      run(netlink, [
        { type: 'add-rule', rule: RULE },
        { type: 'delete-rule', rule: RULE },
        { type: 'delete-route', route: ROUTE },
      ]),
    ).toEqual([]);
  });

  test('removes a foreign route that prevents a route of the mesh from being set', () => {
    const netlink = new FakeNetlink();
    // The results in order: a replacement that fails, a deletion, a deletion that finds no route,
    // and a replacement.
    netlink.routeFailures.push(EEXIST, 0, ESRCH, 0);

    expect(run(netlink, [{ type: 'set-route', route: ROUTE }])).toEqual([]);
    expect(netlink.calls).toEqual([
      'changeRoutes replace',
      'changeRoutes delete',
      'changeRoutes delete',
      'changeRoutes replace',
    ]);
  });

  test('reports the failed step, and continues with the next one', () => {
    const netlink = new FakeNetlink();
    netlink.failures.set('addRule', EINVAL);

    expect(run(netlink, [{ type: 'add-rule', rule: RULE }, { type: 'set-up' }])).toEqual([
      expect.stringMatching(/^could not add rule IPv4 priority 900: lookup 51871: .*EINVAL/),
    ]);
    expect(netlink.calls).toEqual(['addRule', 'setLink {"up":true}']);
  });

  test('prepares an interface, also on a kernel without IPv6', () => {
    const netlink = new FakeNetlink();
    netlink.failures.set('setLink {"ipv6AddressGeneration":"none"}', EINVAL);

    expect(run(netlink, [{ type: 'prepare-link' }])).toEqual([]);
    expect(netlink.calls[0]).toBe('setLink {"reversePathFilter":2}');
  });
});

describe('isKernelStep', () => {
  test('excludes steps for nft and for filters of links', () => {
    expect(isKernelStep({ type: 'set-up' })).toBe(true);
    expect(isKernelStep({ type: 'remove-ruleset' })).toBe(false);
    expect(isKernelStep({ type: 'loosen-filter', link: 'eth0' })).toBe(false);
  });
});

function run(netlink: FakeNetlink, steps: KernelStep[]): string[] {
  return carryOut(steps, {
    netlink: netlink as unknown as Netlink,
    table: 51871,
    interfaceIndex: 7,
  });
}

class FakeNetlink {
  readonly calls: string[] = [];
  /** The errno with which a call fails. */
  readonly failures: Map<string, number> = new Map();
  /** The errno of each change of a route, in order; 0: success. */
  readonly routeFailures: number[] = [];

  setLink(_: number, change: object): void {
    this.#call(`setLink ${JSON.stringify(change)}`);
  }

  addRule(): void {
    this.#call('addRule');
  }

  deleteRule(): void {
    this.#call('deleteRule');
  }

  changeRoutes(changes: readonly RouteChange[]): (SystemError | undefined)[] {
    this.calls.push(`changeRoutes ${changes.map(({ action }) => action).join(' ')}`);
    return changes.map(() => {
      const errno = this.routeFailures.shift() ?? 0;
      return errno === 0 ? undefined : new SystemError('RTM_NEWROUTE', errno);
    });
  }

  #call(name: string): void {
    this.calls.push(name);
    const errno = this.failures.get(name);
    if (errno !== undefined) throw new SystemError('netlink', errno);
  }
}
