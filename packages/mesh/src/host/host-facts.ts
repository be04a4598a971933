/**
 * `HostFacts`: what the agent has to know of the machine before it changes anything. Plain data.
 *
 * @module
 */
import type { Cidr } from '@litz/core';
import type { Underlay } from '../plan/desired-host.ts';

/** How pods of the node reach those of other nodes without us. */
export type CniFamily =
  /** The main table has a route for each node's prefix: flannel host-gw, bridge and ptp with cloud routes. */
  | 'routed'
  /** The same, through a device of VXLAN, IPIP or the like. */
  | 'overlay'
  | 'calico'
  /** Outer packets can be encrypted, with `nodes`. */
  | 'cilium-overlay'
  | 'cilium-native'
  | 'aws-vpc'
  | 'azure'
  | 'ovn'
  | 'antrea'
  /** No configuration is there, yet. */
  | 'none'
  | 'unknown';

export interface CniFacts {
  readonly family: CniFamily;
  /** The configuration that counts: the first one of the folder. */
  readonly file: string | undefined;
  /** The network's name in it. */
  readonly network: string | undefined;
  /** Types of the plugins in the chain. */
  readonly plugins: readonly string[];
  /** The pods' prefixes, where they stand in it (host-local) or in flannel's subnet file. */
  readonly prefixes: readonly Readonly<Cidr>[];
  /** Why the configuration couldn't be read. */
  readonly trouble: string | undefined;
}

export interface HostFacts {
  readonly cni: CniFacts;
  readonly underlay: Underlay;
  /** The names of devices that encrypt already: `flannel-wg`, `wireguard.cali`, `cilium_wg0`, `kubespan`. */
  readonly foreignEncryption: readonly string[];
  /** Effective reverse path filter of each link of the underlay: 0, 1 (strict) or 2. */
  readonly reversePathFilters: ReadonlyMap<string, number>;
  /** Chains in the way of forwarded packets whose policy is to drop: `iptables FORWARD`, `inet fw forward`. */
  readonly forwardDrops: readonly string[];
  /** Packets are forwarded at all. */
  readonly forwarding: { readonly 4: boolean; readonly 6: boolean };
  /** systemd-networkd runs, and what it does to the rules and routes of others. */
  readonly networkd: 'absent' | 'keeps-foreign' | 'deletes-foreign';
  /** `nft --version`; undefined: the program isn't there. */
  readonly nft: string | undefined;
  /** Text of routes in the table that aren't ours. */
  readonly foreignRoutes: readonly string[];
  /** Text of rules with one of our priorities, or to our table, that aren't ours. */
  readonly foreignRules: readonly string[];
  /** Who else has the UDP port: `0.0.0.0:51871`; the daemon itself isn't meant. */
  readonly portTaken: string | undefined;
  /** An interface of the daemon's name that isn't a TUN: its kind. */
  readonly foreignInterface: string | undefined;
  /** Links that have the address that the tunnel's interface is to have: `cni0 10.244.1.0/24`. */
  readonly addressTaken: readonly string[];
  /** Addresses of the own node, as text. */
  readonly nodeAddresses: readonly string[];
  /** Own prefixes: as they were told, else those of the CNI. */
  readonly prefixes: readonly Readonly<Cidr>[];
}
