import { describeWith } from '@litz/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { RouteMonitor, type Netlink } from '../../src/index.ts';
import { linuxCalls, namespaces } from '../requirements.ts';
import { createTestLink, ipv4, ipv6 } from '../two-namespaces.ts';

describeWith([linuxCalls, namespaces], 'RouteMonitor', () => {
  test('reports addresses and the routes they bring, added and removed', () => {
    const { netlink, index, monitor } = watchRoutes();
    const address = { address: ipv4(1), prefixLength: 24 };

    netlink.addAddress(index, address);
    const added = monitor.read();
    netlink.deleteAddress(index, address);
    const removed = monitor.read();

    const change = { type: 'address', address: expect.objectContaining(address) as unknown };
    const route = expect.objectContaining({ destination: ipv4(0), prefixLength: 24 }) as unknown;
    expect(added).toContainEqual({ ...change, removed: false });
    expect(added).toContainEqual({ type: 'route', removed: false, route });
    expect(removed).toContainEqual({ ...change, removed: true });
    expect(monitor.read()).toEqual([]);
  });

  test('reports routes and rules of both families', () => {
    const { netlink, index, monitor } = watchRoutes();
    const route = { destination: ipv6(0), prefixLength: 64, interfaceIndex: index, table: 1000 };

    netlink.addRoute(route);
    netlink.deleteRoute(route);
    netlink.addRule({ family: 6, table: 1000, priority: 5 });
    netlink.addRule({ family: 4, table: 1000, priority: 5 });
    netlink.deleteRule({ family: 4, table: 1000, priority: 5 });

    expect(monitor.read()).toMatchObject([
      { type: 'route', removed: false, route },
      { type: 'route', removed: true, route },
      { type: 'rule', removed: false, rule: { family: 6, priority: 5 } },
      { type: 'rule', removed: false, rule: { family: 4, priority: 5 } },
      { type: 'rule', removed: true, rule: { family: 4, priority: 5 } },
    ]);
  });

  test('says so when changes were lost, and goes on', () => {
    const { netlink, monitor } = watchRoutes();
    const rule = { family: 4, table: 1000, priority: 5 } as const;
    for (let i = 0; i < 400; i++) {
      netlink.addRule(rule);
      netlink.deleteRule(rule);
    }

    expect(monitor.read()).toEqual([{ type: 'lost' }]);

    monitor.read();
    netlink.addRule(rule);
    expect(monitor.read()).toMatchObject([{ type: 'rule', removed: false }]);
  });
});

function watchRoutes(): { netlink: Netlink; index: number; monitor: RouteMonitor } {
  const { namespace, netlink, index } = createTestLink();
  const monitor = namespace.run(() => new RouteMonitor());
  onTestFinished(() => monitor.close());
  return { netlink, index, monitor };
}
