/**
 * `DesiredHost`: the desired state of the machine, and `MeshRequest`, which it is computed from.
 * Plain data.
 *
 * @module
 */
import type { Cidr } from '@litz/core';
import type { RegistryAddress } from '../registry/registry.ts';
import type { MeshRoute } from './mesh-route.ts';
import type { MeshRule } from './mesh-rule.ts';

/**
 * Which packets the mesh encrypts. `pods`: packets between pods of different nodes. `nodes`: also
 * packets from and to the nodes themselves, except nodes that opted out. `all`: as `nodes`, but no
 * node can opt out.
 */
export type EncryptMode = 'pods' | 'nodes' | 'all';

/**
 * What happens to packets without a tunnel. `off`: the mesh has no routes, rules or filters.
 * `permissive`: packets to a peer go into the tunnel after its first handshake, and plaintext is
 * accepted. `enforce`: packets without a tunnel are stopped, and incoming plaintext is dropped.
 */
export type Enforcement = 'off' | 'permissive' | 'enforce';

/**
 * The fields of a peer that its routes depend on. A `MeshPeer` has all these fields. Immutable: a
 * change makes a new object.
 */
export interface RoutedPeer {
  readonly name: string;
  readonly endpoint: { readonly address: Uint8Array };
  /** Addresses of the node itself, as text. */
  readonly addresses: readonly string[];
  /** Prefixes of its pods. */
  readonly prefixes: readonly Readonly<Cidr>[];
  /** Whether packets to the addresses of the node go through the tunnel in the mode `nodes`. */
  readonly encryptsNode: boolean;
}

/** The node that the agent runs on. */
export interface OwnNode {
  /** Prefixes of its pods. */
  readonly prefixes: readonly Readonly<Cidr>[];
  /** Its addresses on the underlay, as text: at most one of each family. */
  readonly addresses: readonly string[];
  /** False if `--opt-out` or a label of the node excludes it from the mode `nodes`. */
  readonly encryptsNode: boolean;
}

/** The interfaces that lead to the peers. */
export interface Underlay {
  /**
   * The smallest MTU of the links and routes to the peers; undefined if no route leads to any peer.
   */
  readonly mtu: number | undefined;
  /** Names of the links that the daemon's datagrams leave by. */
  readonly links: readonly string[];
  /**
   * Names of the links that the main table uses for the peers' pods: the same as `links`, or the
   * link of an overlay.
   */
  readonly podLinks: readonly string[];
}

/**
 * Everything that decides about the desired state of a machine: this node, its peers, mode and
 * enforcement.
 */
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
  /** Number of the mesh's routing table; default: `DEFAULT_TABLE`. */
  readonly table?: number;
  /**
   * Priority of the mesh's rules; default: `DEFAULT_PRIORITY`. Exceptions have this priority minus
   * one.
   */
  readonly priority?: number;
}

/** The desired state of a machine, as `desireHost` computes it and `MeshHost.apply` applies it. */
export interface DesiredHost extends DesiredRoutes {
  readonly interfaceName: string;
  readonly enforcement: Enforcement;
  readonly table: number;
  readonly priority: number;
  /**
   * Mark of the daemon's datagrams (`fwmark` of the UAPI); 0: none is needed. The caller sets the
   * mark before it applies this state, and removes the mark only after it applied a state without a
   * mark.
   */
  readonly mark: number;
  /** The desired state of the tunnel's interface; undefined: its addresses are removed. */
  readonly link: DesiredLink | undefined;
  /** Rules of the mesh, by text. */
  readonly rules: ReadonlyMap<string, MeshRule>;
  /**
   * Names of links whose reverse path filter must be loose. A link that is no longer listed gets
   * the former value of its filter back.
   */
  readonly looseLinks: readonly string[];
  /** The nftables ruleset; undefined: none. */
  readonly ruleset: string | undefined;
  /**
   * True while the peers are not known yet. Then no route or rule is removed, because it may belong
   * to a peer.
   */
  readonly isPartial?: boolean;
}

/** The desired routes in the mesh's table. */
export interface DesiredRoutes {
  /**
   * Lists of routes: lists that belong to no peer, and one list for each peer. While nothing
   * changes for a peer, its list stays the same object. No key occurs twice. After every change,
   * `routes` is a new object. Iterate over `routes` before the next call of the function that made
   * it. `routes` is not an array, because an array of thousands of lists would be most of the
   * memory that a change needs.
   */
  readonly routes: Iterable<readonly MeshRoute[]>;
  /**
   * The difference from earlier routes. A reader that has the earlier routes needs to read only the
   * lists in the difference.
   */
  readonly difference?: RoutesDifference;
}

/** What has changed since earlier routes, so that thousands of equal routes are not compared. */
export interface RoutesDifference {
  /** The earlier `routes`. */
  readonly from: DesiredRoutes['routes'];
  /** Lists that are only in the earlier routes. */
  readonly removed: readonly (readonly MeshRoute[])[];
  /** Lists that are only in the new routes. */
  readonly added: readonly (readonly MeshRoute[])[];
}

/** The desired state of the tunnel's interface. `mtu`: in bytes. */
export interface DesiredLink {
  readonly mtu: number;
  readonly addresses: readonly Readonly<Cidr>[];
}

/** The routing table of the mesh's routes, and the priority of its rules. */
export interface RoutingNumbers {
  readonly table: number;
  readonly priority: number;
}

/** The name of the daemon's interface. */
export const DEFAULT_INTERFACE = 'litz0';
/** The UDP port of the daemon. */
export const DEFAULT_PORT = 51871;
/** The number of the mesh's routing table. */
export const DEFAULT_TABLE = 51871;
/** The priority of the mesh's rules. The exceptions have this priority minus one. */
export const DEFAULT_PRIORITY = 900;
/** Mark of the daemon's datagrams. It is one bit, so that other programs can use the other bits. */
export const NODES_MARK = 0x20_0000;
