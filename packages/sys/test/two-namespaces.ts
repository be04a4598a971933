/**
 * Makes network namespaces for tests: two with a veth between them, or one with a test link.
 *
 * @module
 */
import { onTestFinished } from 'vitest';
import { Netlink, NetworkNamespace, waitUntilRunning, writeSysctl } from '../src/index.ts';

export interface Side {
  namespace: NetworkNamespace;
  netlink: Netlink;
  /** The index of the veth in this namespace. Its name is veth0 on both sides. */
  index: number;
  address: Uint8Array;
  address6: Uint8Array;
}

/**
 * Makes two connected namespaces, with 10.9.0.1/24 and fd09::1/64 on the left, 10.9.0.2/24 and
 * fd09::2/64 on the right. Both are closed when the test ends.
 */
export function createTwoNamespaces(): { left: Side; right: Side } {
  const namespaces = [createNamespace(), createNamespace()] as const;
  const netlinks = namespaces.map((namespace) => createNetlink(namespace));
  const [leftNetlink, rightNetlink] = netlinks as [Netlink, Netlink];
  leftNetlink.createVeth('veth0', 'veth0', { peerNetns: namespaces[1].fd });
  const left = configured(namespaces[0], leftNetlink, 1);
  const right = configured(namespaces[1], rightNetlink, 2);
  for (const { namespace, index } of [left, right]) namespace.run(() => waitUntilRunning(index));
  return { left, right };
}

/**
 * Makes a namespace with the link test0, which is up. The link is one end of a veth, because every
 * kernel with namespaces has veths; the other end is peer0. After this function has returned,
 * nothing changes by itself: both ends are running, and they get no link-local addresses.
 */
export function createTestLink(): { namespace: NetworkNamespace; netlink: Netlink; index: number } {
  const namespace = createNamespace();
  const netlink = createNetlink(namespace);
  namespace.run(() => writeSysctl('net.ipv6.conf.default.addr_gen_mode', 1));
  netlink.createVeth('test0', 'peer0');
  const [index, peerIndex] = ['test0', 'peer0'].map((name) => {
    const { index } = netlink.linkByName(name) ?? { index: 0 };
    netlink.setLink(index, { up: true });
    return index;
  }) as [number, number];
  for (const link of [index, peerIndex]) namespace.run(() => waitUntilRunning(link));
  return { namespace, netlink, index };
}

/** Makes a namespace, which is closed when the test ends. */
export function createNamespace(): NetworkNamespace {
  const namespace = NetworkNamespace.create();
  onTestFinished(() => namespace.close());
  return namespace;
}

/** Opens a netlink socket in the namespace. It is closed when the test ends. */
export function createNetlink(namespace: NetworkNamespace): Netlink {
  const netlink = namespace.run(() => new Netlink());
  onTestFinished(() => netlink.close());
  return netlink;
}

/** Returns the address 10.9.0.`last`. */
export function ipv4(last: number): Uint8Array {
  return Uint8Array.of(10, 9, 0, last);
}

/** Returns the address fd09::`last`. */
export function ipv6(last: number): Uint8Array {
  return Uint8Array.of(0xfd, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last);
}

function configured(namespace: NetworkNamespace, netlink: Netlink, last: number): Side {
  const index = netlink.linkByName('veth0')?.index ?? 0;
  const [address, address6] = [ipv4(last), ipv6(last)];
  netlink.setLink(index, { up: true });
  netlink.addAddress(index, { address, prefixLength: 24 });
  netlink.addAddress(index, { address: address6, prefixLength: 64 }, { noDad: true });
  return { namespace, netlink, index, address, address6 };
}
