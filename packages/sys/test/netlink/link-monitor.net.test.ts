import { describeWith } from '@litz/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { linux, LinkMonitor, PollSet, type Netlink } from '../../src/index.ts';
import { linuxCalls, namespaces } from '../requirements.ts';
import { createNamespace, createTestLink } from '../two-namespaces.ts';

describeWith([linuxCalls, namespaces], 'LinkMonitor', () => {
  test('reports each change once, in order', () => {
    const { netlink, index, monitor } = watchLink();

    netlink.setLink(index, { up: true });
    netlink.setLink(index, { mtu: 1300 });
    netlink.setLink(index, { up: false });
    netlink.setLink(index, { name: 'other0' });

    expect(monitor.read()).toEqual([
      { type: 'up' },
      { type: 'mtu', mtu: 1300 },
      { type: 'down' },
      { type: 'renamed', name: 'other0' },
    ]);
    expect(monitor.read()).toEqual([]);
    expect(monitor.link).toMatchObject({ name: 'other0', mtu: 1300, up: false });
  });

  test('is readable when something changed', () => {
    const { netlink, index, monitor } = watchLink();
    const set = new PollSet();
    set.add(monitor.fd, linux.POLLIN);

    netlink.setLink(index, { up: true });

    expect(set.wait(0)).toBe(1);
    expect(monitor.read()).toEqual([{ type: 'up' }]);
  });

  test('reports nothing about other links', () => {
    const { netlink, monitor } = watchLink();

    netlink.setLink(netlink.linkByName('peer0')?.index ?? 0, { up: false, mtu: 1300 });

    expect(monitor.read()).toEqual([]);
  });

  test('reports that the link is gone when it was deleted, and nothing after that', () => {
    const { netlink, index, monitor } = watchLink();

    netlink.deleteLink(index);
    netlink.createVeth('test0', 'peer0');

    expect(monitor.read()).toEqual([{ type: 'gone' }]);
    expect(monitor.read()).toEqual([]);
  });

  test('reports that the link is gone when it was moved away', () => {
    const { netlink, index, monitor } = watchLink();

    netlink.setLink(index, { netns: createNamespace().fd });

    expect(monitor.read().at(-1)).toEqual({ type: 'gone' });
  });

  test('reads the state again after notifications were lost', () => {
    const { netlink, index, monitor } = watchLink();

    overflow(netlink);
    netlink.setLink(index, { up: true, mtu: 1234 });

    expect(monitor.read()).toEqual([{ type: 'mtu', mtu: 1234 }, { type: 'up' }]);
    expect(monitor.read()).toEqual([]);
  });

  test('notices after lost notifications that the link is gone', () => {
    const { netlink, index, monitor } = watchLink();

    overflow(netlink);
    netlink.deleteLink(index);

    expect(monitor.read()).toEqual([{ type: 'gone' }]);
  });

  test('refuses a link that does not exist', () => {
    const namespace = createNamespace();

    expect(() => namespace.run(() => new LinkMonitor(4711))).toThrow(
      expect.objectContaining({ errno: 'ENODEV' }),
    );
  });
});

function watchLink(): { netlink: Netlink; index: number; monitor: LinkMonitor } {
  const { namespace, netlink, index } = createTestLink();
  netlink.setLink(index, { up: false });
  const monitor = namespace.run(() => new LinkMonitor(index));
  onTestFinished(() => monitor.close());
  return { netlink, index, monitor };
}

/**
 * Changes peer0, which is not watched, so often that the notifications do not fit into the default
 * receive buffer of 208 KiB.
 */
function overflow(netlink: Netlink): void {
  const index = netlink.linkByName('peer0')?.index ?? 0;
  for (let i = 0; i < 400; i++) netlink.setLink(index, { mtu: 1300 + (i % 2) });
}
