import { linux, MovedLink, Netlink, NetworkNamespace, SystemError } from '@litz/sys';
import { describeWith } from '@litz/testkit';
import { expect, onTestFinished, test, vi } from 'vitest';
import { TunMonitor, type TunDevice } from '../src/index.ts';
import { createNamespace, createNetlink, createTun, pollOnce } from './namespace.ts';
import { tunDevices } from './requirements.ts';

describeWith([tunDevices], 'TunMonitor', () => {
  test('reports up, a new MTU and down, then nothing', () => {
    const { tun, monitor } = watched();

    tun.up();
    expect(nextChanges(monitor)).toEqual([{ type: 'up' }]);
    tun.setMtu(1280);
    expect(nextChanges(monitor)).toEqual([{ type: 'mtu', mtu: 1280 }]);
    tun.down();
    expect(nextChanges(monitor)).toEqual([{ type: 'down' }]);
    expect(monitor.read()).toEqual([]);
  });

  test('reports a new name', () => {
    const { tun, monitor, netlink } = watched();

    netlink.setLink(tun.interfaceIndex, { name: 'renamed0' });

    expect(nextChanges(monitor)).toEqual([{ type: 'renamed', name: 'renamed0' }]);
    expect(tun.name).toBe('renamed0');
  });

  test('reports a deletion by another program once', () => {
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

  test('reports changes in another namespace at once', () => {
    const { tun, monitor, netlink } = watched();
    const other = createNamespace();
    const otherNetlink = createNetlink(other);
    netlink.setLink(tun.interfaceIndex, { netns: other.fd });
    monitor.read();
    const { index } = otherNetlink.linkByName(tun.name) ?? { index: 0 };

    for (const up of [true, false, true, false]) {
      otherNetlink.setLink(index, { up });
      expect(nextChanges(monitor, 300)).toEqual([{ type: up ? 'up' : 'down' }]);
    }
  });

  test('follows the interface from one namespace to the next', () => {
    const { tun, monitor, netlink } = watched();
    const [second, third] = [createNamespace(), createNamespace()];
    netlink.setLink(tun.interfaceIndex, { netns: second.fd });
    expect(monitor.read()).toEqual([]);
    const secondNetlink = createNetlink(second);
    const { index } = secondNetlink.linkByName(tun.name) ?? { index: 0 };

    secondNetlink.setLink(index, { netns: third.fd });
    expect(nextChanges(monitor, 300)).toEqual([]);
    const thirdNetlink = createNetlink(third);
    const moved = thirdNetlink.linkByName(tun.name) ?? { index: 0 };
    thirdNetlink.setLink(moved.index, { up: true });
    expect(nextChanges(monitor, 300)).toEqual([{ type: 'up' }]);
  });

  test('does not keep the new namespace of the interface alive', () => {
    const { tun, monitor, netlink } = watched();
    const other = NetworkNamespace.create();
    onTestFinished(() => other.close());
    netlink.createVeth('near', 'far', { peerNetns: other.fd });
    netlink.setLink(tun.interfaceIndex, { netns: other.fd });
    monitor.read();
    other.run(() => tunLinkUp(tun.name));
    expect(nextChanges(monitor)).toEqual([{ type: 'up' }]);

    other.close();

    expect(nextChanges(monitor)).toEqual([{ type: 'gone' }]);
    expect(tun.isGone()).toBe(true);
    expect(netlink.linkByName('near')).toBeUndefined();
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

  test('checks the interface once a second if no notifications come', () => {
    const heard = vi.spyOn(MovedLink.prototype, 'fd', 'get').mockReturnValue(-1);
    onTestFinished(() => heard.mockRestore());
    const { tun, monitor, netlink } = watched();
    const other = createNamespace();
    const otherNetlink = createNetlink(other);
    netlink.setLink(tun.interfaceIndex, { netns: other.fd });
    monitor.read();
    const { index } = otherNetlink.linkByName(tun.name) ?? { index: 0 };

    otherNetlink.setLink(index, { up: true, mtu: 1300 });
    expect(nextChanges(monitor)).toEqual([{ type: 'mtu', mtu: 1300 }, { type: 'up' }]);
    otherNetlink.deleteLink(index);
    expect(nextChanges(monitor)).toEqual([{ type: 'gone' }]);
  });

  test('checks the descriptor once a second if it may not enter the namespace', () => {
    const look = vi.spyOn(MovedLink.prototype, 'look');
    onTestFinished(() => look.mockRestore());
    const { tun, monitor, netlink } = watched();
    const other = createNamespace();
    const otherNetlink = createNetlink(other);
    look.mockImplementation(() => {
      throw new SystemError('RTM_GETLINK', linux.EPERM);
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
  monitor: Watched;
  namespace: NetworkNamespace;
  netlink: Netlink;
} {
  const namespace = createNamespace();
  const tun = createTun(namespace);
  const monitor = namespace.run(() => new TunMonitor(tun));
  onTestFinished(() => monitor.close());
  const read = (): ReturnType<TunMonitor['read']> => namespace.run(() => monitor.read());
  const inside = { fd: monitor.fd, read };
  return { tun, monitor: inside, namespace, netlink: createNetlink(namespace) };
}

/** A monitor that is read in the namespace in which it was made, as `TunMonitor.read` requires. */
type Watched = Pick<TunMonitor, 'fd' | 'read'>;

/** Sets the link up in the namespace of the calling thread, and leaves no socket there. */
function tunLinkUp(name: string): void {
  const netlink = new Netlink();
  netlink.setLink(netlink.linkByName(name)?.index ?? 0, { up: true });
  netlink.close();
}

/**
 * Waits until there are changes; returns none if the time is over. The descriptor may also become
 * readable without a change of the interface.
 */
function nextChanges(monitor: Watched, timeoutMs = 5000): ReturnType<TunMonitor['read']> {
  for (let wake = 0; wake < 10; wake++) {
    if (pollOnce(monitor.fd, linux.POLLIN, timeoutMs) === 0) break;
    const changes = monitor.read();
    if (changes.length > 0) return changes;
  }
  return [];
}
