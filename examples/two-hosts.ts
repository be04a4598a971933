/**
 * `TwoHosts`: two network namespaces and a virtual cable between them. For the sockets and
 * interfaces inside them, the namespaces are like two machines.
 *
 * ```
 *   left   wan 192.0.2.1/24  =============  right   wan 192.0.2.2/24
 * ```
 *
 * @module
 */
import { parseAddress } from '@litz/config';
import { Netlink, NetworkNamespace, waitUntilRunning } from '@litz/sys';

export class TwoHosts implements Disposable {
  readonly left: NetworkNamespace = NetworkNamespace.create();
  readonly right: NetworkNamespace = NetworkNamespace.create();

  /** @throws {SystemError} `ERR_LITZ_PERMISSION` without CAP_SYS_ADMIN or without CAP_NET_ADMIN */
  constructor() {
    const { left, right } = this;
    withNetlink(left, (netlink) => netlink.createVeth('wan', 'wan', { peerNetns: right.fd }));
    const leftIndex = plugIn(left, LEFT_ADDRESS);
    const rightIndex = plugIn(right, RIGHT_ADDRESS);
    left.run(() => waitUntilRunning(leftIndex));
    right.run(() => waitUntilRunning(rightIndex));
  }

  /** Closes both namespaces. A namespace disappears when nothing uses it. */
  [Symbol.dispose](): void {
    this.left.close();
    this.right.close();
  }
}

/**
 * Gives an address to the end of the cable in `namespace`, and brings that end up. Returns the
 * index of the interface.
 */
function plugIn(namespace: NetworkNamespace, address: string): number {
  return withNetlink(namespace, (netlink) => {
    const { index } = netlink.linkByName('wan')!;
    netlink.addAddress(index, { address: parseAddress(address), prefixLength: 24 });
    netlink.setLink(index, { up: true });
    return index;
  });
}

function withNetlink<T>(namespace: NetworkNamespace, run: (netlink: Netlink) => T): T {
  const netlink = namespace.run(() => new Netlink());
  try {
    return run(netlink);
  } finally {
    netlink.close();
  }
}

/** The addresses of the two ends of the cable. */
export const LEFT_ADDRESS = '192.0.2.1';
export const RIGHT_ADDRESS = '192.0.2.2';
