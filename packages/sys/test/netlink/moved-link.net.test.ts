import { describeWith } from '@litz/testkit';
import { expect, onTestFinished, test, vi } from 'vitest';
import { linux, MovedLink, PollSet, SystemError, type Netlink } from '../../src/index.ts';
import { NetlinkSocket } from '../../src/netlink/netlink-socket.ts';
import { linuxCalls, namespaces } from '../requirements.ts';
import { createNamespace, createTestLink } from '../two-namespaces.ts';

describeWith([linuxCalls, namespaces], 'MovedLink', () => {
  test('reads a link in a namespace that had no number', () => {
    const { look } = watchElsewhere();

    expect(look()).toMatchObject({ name: 'test0', kind: 'veth', up: true });
    expect(look()).toEqual(look());
  });

  test('is readable when the link has changed, until it is cleared', () => {
    const { moved, look, netlink, index } = watchElsewhere();
    look();

    netlink.setLink(index, { mtu: 1300 });

    expect(isReadable(moved)).toBe(true);
    expect(moved.clear()).toBe(true);
    expect(look()).toMatchObject({ mtu: 1300 });
    expect([isReadable(moved), moved.clear()]).toEqual([false, false]);
  });

  test('returns false from clear if only other links have changed', () => {
    const { moved, look, netlink } = watchElsewhere();
    look();

    netlink.setLink(netlink.linkByName('peer0')?.index ?? 0, { mtu: 1300 });

    expect([isReadable(moved), moved.clear()]).toEqual([true, false]);
  });

  test('returns true from clear after notifications were lost', () => {
    const { moved, look, netlink } = watchElsewhere();
    look();
    const peer = netlink.linkByName('peer0')?.index ?? 0;

    for (let i = 0; i < 400; i++) netlink.setLink(peer, { mtu: 1300 + (i % 2) });

    expect(moved.clear()).toBe(true);
  });

  test('returns true from clear when the other namespace has ended', async () => {
    const { moved, look, netlink, namespace } = watchElsewhere();
    look();
    netlink.close();

    namespace.close();

    expect(await vi.waitUntil(() => moved.clear(), { timeout: 5000 })).toBe(true);
  });

  test('throws when the link does not exist', () => {
    const { look } = watchElsewhere();

    expect(() => look('nothing')).toThrow(expect.objectContaining({ errno: 'ENODEV' }));
  });

  test('has no descriptor without the right to receive notifications, and still reads the link', () => {
    const refused = vi.spyOn(NetlinkSocket.prototype, 'receiveFromAllNamespaces');
    refused.mockImplementation(() => {
      throw new SystemError('setsockopt', linux.EPERM);
    });
    onTestFinished(() => refused.mockRestore());
    const { moved, look } = watchElsewhere();

    expect([moved.fd, moved.clear()]).toEqual([-1, false]);
    expect(look()).toMatchObject({ name: 'test0' });
  });
});

function watchElsewhere(): ReturnType<typeof createTestLink> & {
  moved: MovedLink;
  look: (name?: string) => ReturnType<MovedLink['look']>;
  netlink: Netlink;
} {
  const elsewhere = createTestLink();
  const here = createNamespace();
  const moved = here.run(() => new MovedLink());
  onTestFinished(() => moved.close());
  return { ...elsewhere, moved, look: (name = 'test0') => moved.look(elsewhere.namespace, name) };
}

function isReadable({ fd }: MovedLink): boolean {
  const polled = new PollSet();
  polled.add(fd, linux.POLLIN);
  return polled.wait(0) > 0;
}
