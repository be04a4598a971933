/**
 * `Pod`: a network namespace with one address, connected to a node by a veth, as the CNI plugin ptp
 * does.
 *
 * @module
 */
import { Netlink, NetworkNamespace } from '@litz/sys';

export class Pod {
  readonly namespace: NetworkNamespace;
  /** 4 bytes. */
  readonly address: Uint8Array;

  /**
   * @param node the namespace of the node
   * @param name the name of the veth's end in the node
   */
  constructor(node: NetworkNamespace, name: string, address: Uint8Array) {
    this.namespace = NetworkNamespace.create();
    this.address = address;
    withNetlink(node, (netlink) => {
      netlink.createVeth(name, 'eth0', { peerNetns: this.namespace.fd });
      const { index } = netlink.linkByName(name)!;
      netlink.addAddress(index, { address: GATEWAY, prefixLength: 32 });
      netlink.setLink(index, { up: true });
      netlink.addRoute({ destination: address, prefixLength: 32, interfaceIndex: index });
    });
    withNetlink(this.namespace, (netlink) => {
      const { index } = netlink.linkByName('eth0')!;
      netlink.addAddress(index, { address, prefixLength: 32 });
      netlink.setLink(index, { up: true });
      netlink.addRoute({ destination: GATEWAY, prefixLength: 32, interfaceIndex: index });
      netlink.addRoute({
        destination: ANYWHERE,
        prefixLength: 0,
        gateway: GATEWAY,
        interfaceIndex: index,
      });
    });
  }

  get text(): string {
    return this.address.join('.');
  }

  close(): void {
    this.namespace.close();
  }
}

/** Calls `run` with an rtnetlink socket of the namespace, and closes the socket. */
export function withNetlink<T>(namespace: NetworkNamespace, run: (netlink: Netlink) => T): T {
  const netlink = namespace.run(() => new Netlink());
  try {
    return run(netlink);
  } finally {
    netlink.close();
  }
}

/** The gateway of a pod's default route: the end of the veth in the node. */
const GATEWAY = Uint8Array.of(169, 254, 1, 1);
const ANYWHERE = new Uint8Array(4);
