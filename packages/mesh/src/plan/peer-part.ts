/**
 * `PeerPart`: what one peer comes to on the machine. Of 5,000 peers one changes: the parts of the others
 * stay. `PeerTally` counts what all of them together decide.
 *
 * @module
 */
import { formatCidr, parseAddress, type Cidr } from '@litz/core';
import { covers, hostPrefix, networkAddress } from '../record/cidr-relations.ts';
import type { MeshRequest, RoutedPeer } from './desired-host.ts';
import { LAST_METRIC, meshRoute, type MeshRoute } from './mesh-route.ts';
import { familyOf } from './prefix.ts';

/** What decides about every peer alike. */
export interface PeerContext {
  /** Identifies it: the same for the same. */
  readonly text: string;
  readonly request: PeerContextRequest;
  readonly withNodes: boolean;
  readonly pods: ByFamily;
  readonly node: ByFamily;
  /** Of the registry's servers, as text of the bytes. */
  readonly registry: ReadonlySet<string>;
}

/** What of a request decides about peers. */
export type PeerContextRequest = Pick<
  MeshRequest,
  'own' | 'mode' | 'clusterPrefixes' | 'registryAddresses'
>;

export interface PeerPart {
  /** What it was made of. */
  readonly peer: RoutedPeer;
  readonly routes: readonly MeshRoute[];
  /** With the last resorts that no cluster prefix gives. */
  readonly enforced: readonly MeshRoute[];
  readonly has: Families;
  /** Prefixes that are outside of the cluster's. */
  readonly outside: Families;
  readonly outerIpv4: boolean;
}

/** Whether there is something of this family. */
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

  /** One that was added. */
  remove(part: PeerPart): void {
    this.#count(part, -1);
  }

  get has(): Families {
    return { 4: this.#has[4] > 0, 6: this.#has[6] > 0 };
  }

  get outside(): Families {
    return { 4: this.#outside[4] > 0, 6: this.#outside[6] > 0 };
  }

  /** There are peers, and all are reached by IPv4. */
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

export function peerContext(request: PeerContextRequest, withNodes: boolean): PeerContext {
  const { own, mode, clusterPrefixes, registryAddresses } = request;
  const pods = tunnelAddresses(own.prefixes).map(({ address }) => address);
  const node = withNodes ? own.addresses.map(parseAddress) : [];
  const registry = registryAddresses.map(({ address }) => parseAddress(address).join('.'));
  const cluster = clusterPrefixes.map(formatCidr);
  const parts: readonly unknown[] = [mode, withNodes, pods, node, registry, cluster];
  return {
    text: parts.map(String).join(';'),
    request,
    withNodes,
    pods: byFamily(pods),
    node: byFamily(node),
    registry: new Set(registry),
  };
}

export function peerPart(peer: RoutedPeer, context: PeerContext): PeerPart {
  const { request, withNodes, pods, node, registry } = context;
  const routes = peer.prefixes.map((prefix) =>
    meshRoute('unicast', prefix, { source: pods[familyOf(prefix)] }),
  );
  const takesNode = withNodes && (request.mode === 'all' || peer.encryptsNode);
  const addresses = takesNode ? peer.addresses.map(parseAddress) : [];
  for (const address of addresses) {
    const source = node[address.length === 4 ? 4 : 6];
    routes.push(meshRoute('unicast', hostPrefix(address), { source }));
  }
  const outside = peer.prefixes.filter((prefix) => !isIn(prefix, request.clusterPrefixes));
  // The ruleset stops what is for the registry's nodes, so that the way to the registry stays open.
  const closed = addresses.filter((address) => !registry.has(address.join('.'))).map(hostPrefix);
  const lastResorts = [...outside, ...closed].map(lastResort);
  return {
    peer,
    routes,
    enforced: lastResorts.length > 0 ? [...routes, ...lastResorts] : routes,
    has: families(peer.prefixes),
    outside: families(outside),
    outerIpv4: peer.endpoint.address.length === 4,
  };
}

/** Behind everything else, nothing leaves. */
export function lastResort(prefix: Readonly<Cidr>): MeshRoute {
  return meshRoute('unreachable', prefix, { metric: LAST_METRIC });
}

/** The network address of the first prefix of each family that has room for one besides the pods'. */
export function tunnelAddresses(prefixes: readonly Readonly<Cidr>[]): Cidr[] {
  return ([4, 6] as const).flatMap((family) => {
    const own = prefixes.find((prefix) => familyOf(prefix) === family && hasRoom(prefix));
    return own ? [hostPrefix(networkAddress(own))] : [];
  });
}

export function families(prefixes: readonly Readonly<Cidr>[]): Families {
  const has4 = prefixes.some(({ address }) => address.length === 4);
  const has6 = prefixes.some(({ address }) => address.length === 16);
  // Thousands of peers have the same.
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

/** More than two addresses: of two, both may be a pod's. */
function hasRoom({ address, prefixLength }: Readonly<Cidr>): boolean {
  return prefixLength < address.length * 8 - 1;
}

const BOTH: Families = { 4: true, 6: true };
const ONLY_IPV4: Families = { 4: true, 6: false };
const ONLY_IPV6: Families = { 4: false, 6: true };
const NEITHER: Families = { 4: false, 6: false };
export const FAMILIES = [4, 6] as const;
