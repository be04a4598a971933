/**
 * `PeerPart`: the routes for one peer. When one of 5,000 peers changes, the parts of the other
 * peers stay as they are. `PeerTally` counts the peers that have a property on which the routes of
 * all peers depend. For example, it shows whether any peer has IPv6.
 *
 * @module
 */
import { formatCidr, parseAddress, type Cidr } from '@litz/core';
import { covers, hostPrefix, networkAddress } from '../record/cidr-relations.ts';
import type { MeshRequest, RoutedPeer } from './desired-host.ts';
import { LAST_METRIC, meshRoute, type MeshRoute } from './mesh-route.ts';
import { familyOf } from './prefix.ts';
import { ipv4Mtu } from './tunnel-mtu.ts';

/** The settings that all peers share. The routes of each peer depend on them. */
export interface PeerContext {
  /** Identifies the context: equal contexts have equal texts. */
  readonly text: string;
  readonly request: PeerContextRequest;
  /** Whether traffic of this node itself goes into the tunnel. */
  readonly withNodes: boolean;
  /** Addresses of the tunnel's interface: the source addresses for packets to pods. */
  readonly pods: ByFamily;
  /** Addresses of this node if `withNodes` is true: the source addresses for packets to nodes. */
  readonly node: ByFamily;
  /** Addresses of the registry's servers: their bytes in decimal, joined by dots. */
  readonly registry: ReadonlySet<string>;
  /**
   * MTU of IPv4 routes in bytes, by the address family of the peer's endpoint. Undefined: the MTU
   * of the interface is right for these routes.
   */
  readonly ipv4Mtu: { readonly 4: number | undefined; readonly 6: number | undefined };
}

/** The part of a request that decides about peers. */
export type PeerContextRequest = Pick<
  MeshRequest,
  'own' | 'mode' | 'clusterPrefixes' | 'registryAddresses' | 'underlay'
>;

export interface PeerPart {
  /** The peer that the part was made from. */
  readonly peer: RoutedPeer;
  /** The routes into the tunnel. */
  readonly routes: readonly MeshRoute[];
  /**
   * `routes`, and `unreachable` routes (see `lastResort`) for destinations that no cluster prefix
   * covers.
   */
  readonly enforced: readonly MeshRoute[];
  /** Families of the prefixes of the peer's pods. */
  readonly has: Families;
  /** Families of the prefixes that no cluster prefix contains. */
  readonly outside: Families;
  /** Whether the peer's endpoint has an IPv4 address. */
  readonly outerIpv4: boolean;
}

/** Which address families occur. */
export interface Families {
  readonly 4: boolean;
  readonly 6: boolean;
}

interface ByFamily {
  readonly 4: Uint8Array | undefined;
  readonly 6: Uint8Array | undefined;
}

export class PeerTally {
  #peers = 0;
  #outerIpv4 = 0;
  readonly #has = { 4: 0, 6: 0 };
  readonly #outside = { 4: 0, 6: 0 };

  add(part: PeerPart): void {
    this.#count(part, 1);
  }

  /** Removes a part that was added before. */
  remove(part: PeerPart): void {
    this.#count(part, -1);
  }

  get has(): Families {
    return { 4: this.#has[4] > 0, 6: this.#has[6] > 0 };
  }

  get outside(): Families {
    return { 4: this.#outside[4] > 0, 6: this.#outside[6] > 0 };
  }

  /** Whether there are peers and all of them have an IPv4 endpoint. */
  get outerIpv4(): boolean {
    return this.#peers > 0 && this.#outerIpv4 === this.#peers;
  }

  #count({ outerIpv4, has, outside }: PeerPart, by: 1 | -1): void {
    this.#peers += by;
    if (outerIpv4) this.#outerIpv4 += by;
    for (const family of FAMILIES) {
      if (has[family]) this.#has[family] += by;
      if (outside[family]) this.#outside[family] += by;
    }
  }
}

/**
 * Returns the context for `peerPart`, which is the same for all peers.
 *
 * @param tunnel `withNodes`: whether traffic of this node itself goes into the tunnel; `hasIpv6`:
 *   whether IPv6 packets pass through the tunnel
 * @throws {WireGuardError} `ERR_LITZ_INVALID_ADDRESS`: a text of this node or of the registry is
 *   not an address
 */
export function peerContext(
  request: PeerContextRequest,
  { withNodes, hasIpv6 }: { readonly withNodes: boolean; readonly hasIpv6: boolean },
): PeerContext {
  const { own, mode, clusterPrefixes, registryAddresses } = request;
  const pods = tunnelAddresses(own.prefixes).map(({ address }) => address);
  const node = withNodes ? own.addresses.map(parseAddress) : [];
  const registry = registryAddresses.map(({ address }) => parseAddress(address).join('.'));
  const cluster = clusterPrefixes.map(formatCidr);
  const { mtu: underlay } = request.underlay;
  const mtus = {
    4: ipv4Mtu({ underlay, outerIpv4: true }, { hasIpv6 }),
    6: ipv4Mtu({ underlay, outerIpv4: false }, { hasIpv6 }),
  };
  const parts: readonly unknown[] = [
    mode,
    withNodes,
    pods,
    node,
    registry,
    cluster,
    mtus[4],
    mtus[6],
  ];
  return {
    text: parts.map(String).join(';'),
    request,
    withNodes,
    pods: byFamily(pods),
    node: byFamily(node),
    registry: new Set(registry),
    ipv4Mtu: mtus,
  };
}

/**
 * Returns the routes for one peer: to the prefixes of its pods and, if it takes traffic of nodes
 * through the tunnel, to its own addresses. The returned part keeps the object `peer`.
 *
 * @throws {WireGuardError} `ERR_LITZ_INVALID_ADDRESS`: a text of the peer is not an address
 */
export function peerPart(peer: RoutedPeer, context: PeerContext): PeerPart {
  const { request, withNodes, pods, node, registry } = context;
  const outerIpv4 = peer.endpoint.address.length === 4;
  const mtu = { 4: context.ipv4Mtu[outerIpv4 ? 4 : 6], 6: undefined };
  const routes = peer.prefixes.map((prefix) => {
    const family = familyOf(prefix);
    return meshRoute('unicast', prefix, { source: pods[family], mtu: mtu[family] });
  });
  const takesNode = withNodes && (request.mode === 'all' || peer.encryptsNode);
  const addresses = takesNode ? peer.addresses.map(parseAddress) : [];
  for (const address of addresses) {
    const family = address.length === 4 ? 4 : 6;
    const options = { source: node[family], mtu: mtu[family] };
    routes.push(meshRoute('unicast', hostPrefix(address), options));
  }
  const outside = peer.prefixes.filter((prefix) => !isIn(prefix, request.clusterPrefixes));
  // Nodes on which a server of the registry runs get no `unreachable` route. It would also stop
  // ARP, which the connections to the registry need, because they bypass the tunnel. The nftables
  // ruleset stops all other packets to these nodes.
  const closed = addresses.filter((address) => !registry.has(address.join('.'))).map(hostPrefix);
  const lastResorts = [...outside, ...closed].map(lastResort);
  return {
    peer,
    routes,
    enforced: lastResorts.length > 0 ? [...routes, ...lastResorts] : routes,
    has: families(peer.prefixes),
    outside: families(outside),
    outerIpv4,
  };
}

/** Returns the `unreachable` route that applies when no other route to the prefix is left. */
export function lastResort(prefix: Readonly<Cidr>): MeshRoute {
  return meshRoute('unreachable', prefix, { metric: LAST_METRIC });
}

/**
 * Returns the addresses for the tunnel's interface, at most one of each family: the network address
 * of the first prefix with more than two addresses. Pods do not use that address.
 */
export function tunnelAddresses(prefixes: readonly Readonly<Cidr>[]): Cidr[] {
  return ([4, 6] as const).flatMap((family) => {
    const own = prefixes.find((prefix) => familyOf(prefix) === family && hasSpareAddress(prefix));
    return own ? [hostPrefix(networkAddress(own))] : [];
  });
}

/** Returns which address families the prefixes have. The result is a shared object. */
export function families(prefixes: readonly Readonly<Cidr>[]): Families {
  const has4 = prefixes.some(({ address }) => address.length === 4);
  const has6 = prefixes.some(({ address }) => address.length === 16);
  // Shared objects save memory, because thousands of peers have the same families.
  if (has4) return has6 ? BOTH : ONLY_IPV4;
  return has6 ? ONLY_IPV6 : NEITHER;
}

function byFamily(addresses: readonly Uint8Array[]): ByFamily {
  return {
    4: addresses.find(({ length }) => length === 4),
    6: addresses.find(({ length }) => length === 16),
  };
}

function isIn(prefix: Readonly<Cidr>, wide: readonly Readonly<Cidr>[]): boolean {
  return wide.some((outer) => covers(outer, prefix));
}

/**
 * Returns whether the prefix has more than two addresses. If it has two, both may be addresses of
 * pods.
 */
function hasSpareAddress({ address, prefixLength }: Readonly<Cidr>): boolean {
  return prefixLength < address.length * 8 - 1;
}

const BOTH: Families = { 4: true, 6: true };
const ONLY_IPV4: Families = { 4: true, 6: false };
const ONLY_IPV6: Families = { 4: false, 6: true };
const NEITHER: Families = { 4: false, 6: false };
/** The address families: IPv4 and IPv6. */
export const FAMILIES = [4, 6] as const;
