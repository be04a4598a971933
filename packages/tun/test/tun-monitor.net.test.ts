import { linux, NetworkNamespace, SystemError } from '@litz/sys';
import { describeWith } from '@litz/testkit';
import { expect, onTestFinished, test, vi } from 'vitest';
import { TunMonitor, type TunDevice } from '../src/index.ts';
import { createNamespace, createNetlink, createTun, pollOnce } from './namespace.ts';
import { tunDevices } from './requirements.ts';

describeWith([tunDevices], 'TunMonitor', () => {
  test('tells up, down, MTU and name, then nothing', () => {
    const { tun, monitor } = watched();

    tun.up();
    expect(nextChanges(monitor)).toEqual([{ type: 'up' }]);
    tun.setMtu(1280);
    expect(nextChanges(monitor)).toEqual([{ type: 'mtu', mtu: 1280 }]);
    tun.down();
    expect(nextChanges(monitor)).toEqual([{ type: 'down' }]);
    expect(monitor.read()).toEqual([]);
  });

  test('tells a new name', () => {
    const { tun, monitor, netlink } = watched();

    netlink.setLink(tun.interfaceIndex, { name: 'renamed0' });

    expect(nextChanges(monitor)).toEqual([{ type: 'renamed', name: 'renamed0' }]);
    expect(tun.name).toBe('renamed0');
  });

  test('tells a deletion by somebody else once', () => {
    const { tun, monitor, netlink } = watched();

    netlink.deleteLink(tun.interfaceIndex);

    expect(nextChanges(monitor)).toEqual([{ type: 'gone' }]);
    expect(monitor.read()).toEqual([]);
  });

  test('follows the interface into another namespace and back', () => {
    const { tun, monitor, netlink, namespace } = watched();
    const other = createNamespace();
    const otherNetlink = createNetlink(other);
    tun.up();
    nextChanges(monitor);

    netlink.setLink(tun.interfaceIndex, { netns: other.fd });
    expect(nextChanges(monitor)).toEqual([{ type: 'down' }]);
    const { index } = otherNetlink.linkByName(tun.name) ?? { index: 0 };
    expect(tun.isGone()).toBe(false);

    otherNetlink.setLink(index, { up: true });
    expect(nextChanges(monitor)).toEqual([{ type: 'up' }]);
    otherNetlink.setLink(index, { mtu: 1300 });
    expect(nextChanges(monitor)).toEqual([{ type: 'mtu', mtu: 1300 }]);

    otherNetlink.setLink(index, { netns: namespace.fd });
    expect(nextChanges(monitor)).toEqual([{ type: 'down' }]);
    netlink.deleteLink(netlink.linkByName(tun.name)?.index ?? 0);
    expect(nextChanges(monitor)).toEqual([{ type: 'gone' }]);
  });

  test('leaves the thread in its own namespace', () => {
    const { tun, monitor, netlink } = watched();
    const before = NetworkNamespace.current();
    onTestFinished(() => before.close());
    const other = createNamespace();

    tun.up();
    netlink.setLink(tun.interfaceIndex, { netns: other.fd });
    expect(nextChanges(monitor)).toEqual([{ type: 'up' }, { type: 'down' }]);

    expect(tun.isGone()).toBe(false);
    expect(createNetlink(before).linkByName(tun.name)).toBeUndefined();
  });

  test('asks the descriptor once a second where it may not follow', () => {
    const follow = vi.spyOn(NetworkNamespace.prototype, 'run');
    onTestFinished(() => follow.mockRestore());
    const { tun, monitor, netlink } = watched();
    const other = createNamespace();
    const otherNetlink = createNetlink(other);
    follow.mockImplementation(() => {
      throw new SystemError('setns', linux.EPERM);
    });
    netlink.setLink(tun.interfaceIndex, { netns: other.fd });
    monitor.read();
    const { index } = otherNetlink.linkByName(tun.name) ?? { index: 0 };

    otherNetlink.setLink(index, { up: true });
    expect(nextChanges(monitor)).toEqual([{ type: 'up' }]);
    otherNetlink.setLink(index, { up: false });
    expect(nextChanges(monitor)).toEqual([{ type: 'down' }]);
    otherNetlink.deleteLink(index);
    expect(nextChanges(monitor)).toEqual([{ type: 'gone' }]);
  });
});

function watched(): {
  tun: TunDevice;
  monitor: TunMonitor;
  namespace: NetworkNamespace;
  netlink: ReturnType<typeof createNetlink>;
} {
  const namespace = createNamespace();
  const tun = createTun(namespace);
  const monitor = namespace.run(() => new TunMonitor(tun));
  onTestFinished(() => monitor.close());
  return { tun, monitor, namespace, netlink: createNetlink(namespace) };
}

/** Sleeps until there are some: the descriptor may wake without a change of what is watched. */
function nextChanges(monitor: TunMonitor): ReturnType<TunMonitor['read']> {
  for (let wake = 0; wake < 10; wake++) {
    if (pollOnce(monitor.fd, linux.POLLIN, 5000) === 0) break;
    const changes = monitor.read();
    if (changes.length > 0) return changes;
  }
  return [];
}
