import { describeWith } from '@litz/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { linux, PollSet, RouteMonitor, type Netlink } from '../../src/index.ts';
import { linuxCalls, namespaces } from '../requirements.ts';
import { createTestLink, ipv4, ipv6 } from '../two-namespaces.ts';

describeWith([linuxCalls, namespaces], 'RouteMonitor', () => {
  test.each<[string, (netlink: Netlink, index: number) => void]>([
    ['an IPv4 address', (netlink, index) => netlink.addAddress(index, prefix(ipv4(1), 24))],
    ['an IPv6 address', (netlink, index) => netlink.addAddress(index, prefix(ipv6(1), 64))],
    ['an IPv4 route', (netlink, index) => netlink.addRoute(route(ipv4(0), 24, index))],
    ['an IPv6 route', (netlink, index) => netlink.addRoute(route(ipv6(0), 64, index))],
    ['an IPv4 rule', (netlink) => netlink.addRule({ family: 4, table: 1000 })],
    ['an IPv6 rule', (netlink) => netlink.addRule({ family: 6, table: 1000 })],
    ['a link that goes down', (netlink, index) => netlink.setLink(index, { up: false })],
  ])('reports %s', (_name, change) => {
    const { netlink, index, monitor } = watchRoutes();

    expect([isReadable(monitor), monitor.clear()]).toEqual([false, false]);
    change(netlink, index);

    expect([isReadable(monitor), monitor.clear()]).toEqual([true, true]);
    expect([isReadable(monitor), monitor.clear()]).toEqual([false, false]);
  });

  test('reports routes that are deleted', () => {
    const { netlink, index, monitor } = watchRoutes();
    netlink.addRoute(route(ipv4(0), 24, index));
    monitor.clear();

    netlink.deleteRoute(route(ipv4(0), 24, index));

    expect(monitor.clear()).toBe(true);
  });

  test('discards thousands of changes with one call, and reports the next one', () => {
    const { netlink, monitor } = watchRoutes();
    const rule = { family: 4, table: 1000, priority: 5 } as const;
    for (let i = 0; i < 1000; i++) {
      netlink.addRule(rule);
      netlink.deleteRule(rule);
    }

    expect(monitor.clear()).toBe(true);
    expect([isReadable(monitor), monitor.clear()]).toEqual([false, false]);
    netlink.addRule(rule);
    expect([isReadable(monitor), monitor.clear()]).toEqual([true, true]);
  });

  test('closes its socket', () => {
    const { monitor } = watchRoutes();

    monitor.close();

    expect(monitor.fd).toBe(-1);
  });
});

function watchRoutes(): { netlink: Netlink; index: number; monitor: RouteMonitor } {
  const { namespace, netlink, index } = createTestLink();
  const monitor = namespace.run(() => new RouteMonitor());
  onTestFinished(() => monitor.close());
  return { netlink, index, monitor };
}

function prefix(
  address: Uint8Array,
  prefixLength: number,
): { address: Uint8Array; prefixLength: number } {
  return { address, prefixLength };
}

function route(destination: Uint8Array, prefixLength: number, interfaceIndex: number) {
  return { destination, prefixLength, interfaceIndex, table: 1000 };
}

function isReadable({ fd }: RouteMonitor): boolean {
  const polled = new PollSet();
  polled.add(fd, linux.POLLIN);
  return polled.wait(0) > 0;
}
