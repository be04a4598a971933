import { Netlink, NetworkNamespace } from '@litz/sys';
import { describeWith } from '@litz/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { UnderlayWatch } from '../../src/host/underlay-watch.ts';
import { namespaces } from '../requirements.ts';

describeWith([namespaces], 'UnderlayWatch', () => {
  test('reports the first change at once, and all changes of the next second together', async () => {
    const { netlink, watch } = create();
    const told: number[] = [];
    let wake: (() => void) | undefined;
    watch.watch(() => {
      told.push(performance.now());
      wake?.();
    });
    const first = new Promise<void>((resolve) => (wake = resolve));
    change(netlink);
    await first;
    const second = new Promise<void>((resolve) => (wake = resolve));
    for (let i = 0; i < 5; i++) change(netlink);
    await second;

    expect(told).toHaveLength(2);
    expect(told[1] - told[0]).toBeGreaterThan(900);
  });
});

function create(): { netlink: Netlink; watch: UnderlayWatch } {
  const namespace = NetworkNamespace.create();
  const [netlink, watch] = namespace.run(() => [new Netlink(), new UnderlayWatch()] as const);
  onTestFinished(() => {
    watch.close();
    netlink.close();
    namespace.close();
  });
  return { netlink, watch };
}

function change(netlink: Netlink): void {
  const rule = { family: 4, table: 77, priority: 5 } as const;
  netlink.addRule(rule);
  netlink.deleteRule(rule);
}
