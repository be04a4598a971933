/**
 * `DesiredHost`: what the machine is to look like, and what that is made from. Plain data.
 *
 * @module
 */
import type { Cidr } from '@litz/core';
import type { RegistryAddress } from '../registry/registry.ts';
import type { MeshRoute } from './mesh-route.ts';
import type { MeshRule } from './mesh-rule.ts';

/**
 * `pods`: packets between pods of different nodes. `nodes`: those from and to the nodes themselves as
 * well, but for nodes that opted out. `all`: as `nodes`, and nobody opts out.
 */
export type EncryptMode = 'pods' | 'nodes' | 'all';

/**
 * `off`: nothing of ours. `permissive`: a peer's packets go into the tunnel after its first handshake,
 * and plaintext is accepted. `enforce`: what has no tunnel doesn't leave, and plaintext doesn't come in.
 */
export type Enforcement = 'off' | 'permissive' | 'enforce';

/** What of a peer decides about routes. A `MeshPeer` is one. Never changed: a new state is a new object. */
export interface RoutedPeer {
  readonly name: string;
  readonly endpoint: { readonly address: Uint8Array };
  /** Of the node itself, as text. */
  readonly addresses: readonly string[];
  readonly prefixes: readonly Readonly<Cidr>[];
  readonly encryptsNode: boolean;
}

/** The own node. */
export interface OwnNode {
  readonly prefixes: readonly Readonly<Cidr>[];
  /** Of the underlay, as text: at most one of each family. */
  readonly addresses: readonly string[];
  /** False where a label opts the node out of `nodes`. */
  readonly encryptsNode: boolean;
}

/** The interfaces that lead to the peers. */
export interface Underlay {
  /** Smallest of the links and routes to the peers; undefined where no route leads to any. */
  readonly mtu: number | undefined;
  /** Names of the links that the daemon's datagrams leave through. */
  readonly links: readonly string[];
  /** Names of links by which the main table reaches the peers' pods: the same ones, or an overlay's. */
  readonly podLinks: readonly string[];
}

export interface MeshRequest {
  readonly interfaceName: string;
  /** UDP port of the data plane. */
  readonly port: number;
  readonly mode: EncryptMode;
  readonly enforcement: Enforcement;
  readonly own: OwnNode;
  readonly peers: readonly RoutedPeer[];
  /** Names of the peers that have had a handshake. */
  readonly answered: ReadonlySet<string>;
  /** All prefixes that pods of any node may have. `enforce` needs them. */
  readonly clusterPrefixes: readonly Readonly<Cidr>[];
  readonly registryAddresses: readonly RegistryAddress[];
  readonly underlay: Underlay;
  /** Default: `DEFAULT_TABLE`. */
  readonly table?: number;
  /** Default: `DEFAULT_PRIORITY`. Exceptions have the one before. */
  readonly priority?: number;
}

export interface DesiredHost extends DesiredRoutes {
  readonly interfaceName: string;
  readonly enforcement: Enforcement;
  readonly table: number;
  readonly priority: number;
  /**
   * Mark of the daemon's datagrams (`fwmark` of the UAPI); 0: none is needed. It has to be set before
   * this is applied, and may be taken away only after a state without it was applied.
   */
  readonly mark: number;
  /** What the tunnel's interface is to have; undefined: it is left alone. */
  readonly link: DesiredLink | undefined;
  /** By text. */
  readonly rules: ReadonlyMap<string, MeshRule>;
  /** Links whose reverse path filter has to be loose; it is put back when they are no more in here. */
  readonly looseLinks: readonly string[];
  /** The nftables ruleset; undefined: none. */
  readonly ruleset: string | undefined;
  /** Peers are not known yet. What is there besides may be for them, so nothing of it is taken away. */
  readonly isPartial?: boolean;
}

export interface DesiredRoutes {
  /** A list for each peer, the same one as long as nothing has changed for it. No key comes twice. */
  readonly routes: readonly (readonly MeshRoute[])[];
  /** How `routes` came out of earlier ones: who has those need not look at the others. */
  readonly difference?: RoutesDifference;
}

export interface RoutesDifference {
  /** The `routes` that these lists went from, and came to. */
  readonly from: DesiredRoutes['routes'];
  readonly gone: DesiredRoutes['routes'];
  readonly come: DesiredRoutes['routes'];
}

export interface DesiredLink {
  readonly mtu: number;
  readonly addresses: readonly Readonly<Cidr>[];
}

export const DEFAULT_INTERFACE = 'litz0';
export const DEFAULT_PORT = 51871;
export const DEFAULT_TABLE = 51871;
export const DEFAULT_PRIORITY = 900;
/** One bit, so that others may use the rest of the mark. */
export const NODES_MARK = 0x20_0000;
