import { describeWith } from '@litz/testkit';
import { expect, test } from 'vitest';
import { waitUntilRunning } from '../../src/index.ts';
import { linuxCalls, namespaces } from '../requirements.ts';
import { createNamespace, createNetlink, createTestLink } from '../two-namespaces.ts';

describeWith([linuxCalls, namespaces], 'waitUntilRunning', () => {
  test('returns when the link carries packets', () => {
    const { namespace, netlink, index } = createTestLink();

    expect(namespace.run(() => waitUntilRunning(index))).toBe(true);

    expect(netlink.linkByIndex(index)?.running).toBe(true);
  });

  test('returns false after the time limit if the other end stays down', () => {
    const namespace = createNamespace();
    const netlink = createNetlink(namespace);
    netlink.createVeth('test0', 'peer0');
    const index = netlink.linkByName('test0')?.index ?? 0;
    netlink.setLink(index, { up: true });

    expect(namespace.run(() => waitUntilRunning(index, 20))).toBe(false);
  });

  test('refuses a link that does not exist', () => {
    const namespace = createNamespace();

    expect(() => namespace.run(() => waitUntilRunning(4711))).toThrow(
      expect.objectContaining({ errno: 'ENODEV' }),
    );
  });
});
