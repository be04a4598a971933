import { describeWith } from '@litz/testkit';
import { expect, onTestFinished, test } from 'vitest';
import {
  readSysctl,
  RoutingMonitor,
  writeSysctl,
  type Netlink,
  type NetworkNamespace,
  type RoutingChange,
} from '../../src/index.ts';
import { linuxCalls, namespaces } from '../requirements.ts';
import { createTestLink, ipv4, ipv6 } from '../two-namespaces.ts';

const TABLE = 51871;

describeWith([linuxCalls, namespaces], 'RoutingMonitor', () => {
  test('reports routes of its table, of both families, and no others', () => {
    const { netlink, index, monitor } = watch();
    const routes = [
      { destination: ipv4(0), prefixLength: 24 },
      { destination: ipv6(0), prefixLength: 64 },
    ].map((route) => ({ ...route, interfaceIndex: index }));
    for (const route of routes) netlink.addRoute({ ...route, table: TABLE });
    for (const route of routes) netlink.addRoute({ ...route, table: 51872 });
    for (const route of routes) netlink.addRoute({ ...route, metric: 7 });
    netlink.deleteRoute({ ...routes[0], table: TABLE });

    expect(monitor.read()?.map(words)).toEqual(['route 24', 'route 64', 'route 24 gone']);
  });

  test('reports rules, addresses and links', () => {
    const { netlink, index, monitor } = watch();
    const rule = { family: 4, table: TABLE, priority: 900 } as const;
    netlink.addRule(rule);
    netlink.deleteRule(rule);
    netlink.addAddress(index, { address: ipv4(1), prefixLength: 32 });
    netlink.setLink(index, { mtu: 1300 });
    netlink.deleteLink(index);

    const told = monitor.read()?.map(words) ?? [];
    expect(told.slice(0, 3)).toEqual(['rule', 'rule gone', 'address 32']);
    expect(told).toContain('link test0 1300');
    expect(told).toContain('link test0 1300 gone');
  });

  test('reports changes of reverse path filters, of one link and of all', () => {
    const { namespace, index, monitor } = watch();
    const before = namespace.run(() => readSysctl('net.ipv4.conf.test0.rp_filter'));
    const other = before === '1' ? 2 : 1;
    namespace.run(() => writeSysctl('net.ipv4.conf.test0.rp_filter', other));
    namespace.run(() => writeSysctl('net.ipv4.conf.all.rp_filter', 2));
    namespace.run(() => writeSysctl('net.ipv4.conf.test0.forwarding', 1));

    expect(monitor.read()?.map(words)).toEqual([`filter ${index} ${other}`, 'filter -1 2']);
  });

  test('reports lost notifications, and continues after them', () => {
    const { netlink, monitor } = watch();
    const rule = { family: 4, table: TABLE, priority: 900 } as const;
    for (let i = 0; i < 1000; i++) {
      netlink.addRule(rule);
      netlink.deleteRule(rule);
    }

    expect(monitor.read()).toBeUndefined();
    expect(monitor.read()).toEqual([]);
    netlink.addRule(rule);
    expect(monitor.read()?.map(words)).toEqual(['rule']);
  });

  test('closes its socket', () => {
    const { monitor } = watch();
    monitor.close();
    expect(monitor.fd).toBe(-1);
  });
});

function watch(): {
  namespace: NetworkNamespace;
  netlink: Netlink;
  index: number;
  monitor: RoutingMonitor;
} {
  const made = createTestLink();
  const monitor = made.namespace.run(() => new RoutingMonitor(TABLE));
  onTestFinished(() => monitor.close());
  return { ...made, monitor };
}

function words(change: RoutingChange): string {
  const gone = change.gone ? ' gone' : '';
  switch (change.type) {
    case 'route':
      return `route ${change.route.prefixLength}${gone}`;
    case 'address':
      return `address ${change.address.prefixLength}${gone}`;
    case 'link':
      return `link ${change.link.name} ${change.link.mtu}${gone}`;
    case 'filter':
      return `filter ${change.filter.interfaceIndex} ${change.filter.reversePathFilter}`;
    case 'rule':
    default:
      return `rule${gone}`;
  }
}
