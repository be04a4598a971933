/**
 * `HostFacts`: the facts about the machine that the agent needs before it changes anything. Plain
 * data.
 *
 * @module
 */
import type { Cidr } from '@litz/core';
import type { Underlay } from '../plan/desired-host.ts';

/** How the CNI sends packets to pods on other nodes, without Litz. */
export type CniFamily =
  /**
   * The main table has a route to each node's prefix: flannel host-gw, bridge and ptp with routes
   * of the cloud.
   */
  | 'routed'
  /** The main table has a route to each node's prefix over a VXLAN, Geneve or IPIP device. */
  | 'overlay'
  | 'calico'
  /** With the mode `nodes` or `all`, the mesh encrypts the outer packets of the overlay. */
  | 'cilium-overlay'
  | 'cilium-native'
  | 'aws-vpc'
  | 'azure'
  | 'ovn'
  | 'antrea'
  /** No CNI has been configured yet. */
  | 'none'
  | 'unknown';

/** The CNI of a node, from its configuration files and links. */
export interface CniFacts {
  readonly family: CniFamily;
  /** Path of the configuration in use: the first file of the folder. */
  readonly file: string | undefined;
  /** The name of the network in that file. */
  readonly network: string | undefined;
  /** Types of the plugins in the chain. */
  readonly plugins: readonly string[];
  /**
   * The prefixes of this node's pods, from the file (host-local) or from flannel's subnet file;
   * else empty.
   */
  readonly prefixes: readonly Readonly<Cidr>[];
  /** Why the configuration couldn't be read; undefined: it was read, or there is none. */
  readonly trouble: string | undefined;
}

/**
 * The facts about a machine, as `LinuxHost.facts` reads them. `checkHost` says what they mean for
 * the mesh.
 */
export interface HostFacts {
  readonly cni: CniFacts;
  readonly underlay: Underlay;
  /**
   * Names of links that belong to other encryption of the pod network: `flannel-wg`,
   * `wireguard.cali`, `cilium_wg0`, `kubespan`.
   */
  readonly foreignEncryption: readonly string[];
  /**
   * The effective reverse path filter of each link to other nodes or their pods: 0 (off), 1
   * (strict) or 2 (loose).
   */
  readonly reversePathFilters: ReadonlyMap<string, number>;
  /**
   * Chains for forwarded packets whose policy is to drop: `iptables-legacy FORWARD`,
   * `nft inet fw forward`.
   */
  readonly forwardDrops: readonly string[];
  /** Whether the kernel forwards IPv4 and IPv6 packets. */
  readonly forwarding: { readonly 4: boolean; readonly 6: boolean };
  /** Whether systemd-networkd runs, and whether it deletes rules and routes of other programs. */
  readonly networkd: 'absent' | 'keeps-foreign' | 'deletes-foreign';
  /** The output of `nft --version`; undefined: the program is missing. */
  readonly nft: string | undefined;
  /** Routes of other programs in the mesh's table, as text. */
  readonly foreignRoutes: readonly string[];
  /** Rules of other programs that have the mesh's priority or use its table, as text. */
  readonly foreignRules: readonly string[];
  /**
   * `UDP port 51871`, if a socket uses the port although the tunnel's interface does not exist;
   * else undefined.
   */
  readonly portTaken: string | undefined;
  /**
   * The kind of a link that has the name of the daemon's interface, but isn't a TUN device.
   * Undefined if there is no such link.
   */
  readonly foreignInterface: string | undefined;
  /** Other links that already have an address of the tunnel's interface: `cni0 10.244.1.0/24`. */
  readonly addressTaken: readonly string[];
  /** Addresses of this node, as text. */
  readonly nodeAddresses: readonly string[];
  /**
   * Prefixes of this node's pods, from `FactsRequest`. If the request has none, they are the
   * prefixes in the CNI's configuration.
   */
  readonly prefixes: readonly Readonly<Cidr>[];
}
