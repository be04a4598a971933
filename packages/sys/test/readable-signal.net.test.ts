import { describeWith } from '@litz/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { onReadable, RoutingMonitor, type Netlink } from '../src/index.ts';
import { linuxCalls, namespaces } from './requirements.ts';
import { createTestLink } from './two-namespaces.ts';

const TABLE = 51871;

describeWith([linuxCalls, namespaces], 'onReadable', () => {
  test('calls when a packet arrived, until it is stopped', async () => {
    const { netlink, monitor } = watch();
    const heard: string[] = [];
    let wake: (() => void) | undefined;
    const end = onReadable(monitor.fd, () => {
      heard.push(...(monitor.read() ?? []).map(({ type }) => type));
      if (heard.length > 0) wake?.();
    });
    for (const priority of [900, 901]) {
      const woken = new Promise<void>((resolve) => (wake = resolve));
      netlink.addRule({ family: 4, table: TABLE, priority });
      await woken;
    }
    expect(heard).toEqual(['rule', 'rule']);

    end();
    netlink.addRule({ family: 4, table: TABLE, priority: 902 });
    await new Promise((resolve) => setImmediate(resolve));
    expect(heard).toHaveLength(2);
    expect(monitor.read()).toHaveLength(1);
  });

  test('calls for a packet that arrived before', async () => {
    const { netlink, monitor } = watch();
    netlink.addRule({ family: 4, table: TABLE, priority: 900 });
    const called = new Promise<void>((resolve) => onTestFinished(onReadable(monitor.fd, resolve)));

    await called;
    expect(monitor.read()).toHaveLength(1);
  });
});

function watch(): { netlink: Netlink; monitor: RoutingMonitor } {
  const { namespace, netlink } = createTestLink();
  const monitor = namespace.run(() => new RoutingMonitor(TABLE));
  onTestFinished(() => monitor.close());
  return { netlink, monitor };
}
