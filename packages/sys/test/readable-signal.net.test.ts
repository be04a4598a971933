import { describeWith } from '@litz/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { onReadable, ReadableSignal, RoutingMonitor, type Netlink } from '../src/index.ts';
import { linuxCalls, namespaces } from './requirements.ts';
import { createTestLink } from './two-namespaces.ts';

const TABLE = 51871;

describeWith([linuxCalls, namespaces], 'onReadable', () => {
  test('calls the listener when a notification has arrived, until the calls are ended', async () => {
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

  test('calls the listener for a notification that arrived earlier', async () => {
    const { netlink, monitor } = watch();
    netlink.addRule({ family: 4, table: TABLE, priority: 900 });
    const called = new Promise<void>((resolve) => onTestFinished(onReadable(monitor.fd, resolve)));

    await called;
    expect(monitor.read()).toHaveLength(1);
  });
});

describeWith([linuxCalls, namespaces], 'ReadableSignal', () => {
  test('calls the listener for every arrival, but not while the signal is muted', async () => {
    const { netlink, monitor } = watch();
    let wake: (() => void) | undefined;
    let calls = 0;
    const signal = new ReadableSignal(monitor.fd, () => {
      calls++;
      wake?.();
    });
    onTestFinished(() => signal.stop());
    const add = (priority: number): void => netlink.addRule({ family: 4, table: TABLE, priority });
    const woken = (): Promise<void> => new Promise((resolve) => (wake = resolve));

    let next = woken();
    add(900);
    await next;
    signal.mute();
    expect(signal.isMuted).toBe(true);
    const before = calls;
    add(901);
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(calls).toBe(before);
    expect(monitor.read()).toHaveLength(2);

    signal.unmute();
    next = woken();
    add(902);
    await next;
    signal.stop();
    expect(signal.isMuted).toBe(true);
  });

  test('refuses a descriptor that is closed', () => {
    expect(() => new ReadableSignal(9999, () => {})).toThrow(/fcntl/);
    expect(() => new ReadableSignal('3' as never, () => {})).toThrow(/"fd"/);
  });
});

function watch(): { netlink: Netlink; monitor: RoutingMonitor } {
  const { namespace, netlink } = createTestLink();
  const monitor = namespace.run(() => new RoutingMonitor(TABLE));
  onTestFinished(() => monitor.close());
  return { netlink, monitor };
}
