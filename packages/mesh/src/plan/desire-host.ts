/**
 * `desireHost`: from peers, mode and enforcement to what the machine is to look like. Pure.
 *
 * ```
 *   priority 899  to REGISTRY ipproto tcp dport PORT   lookup main      (nodes, all)
 *   priority 900  to CLUSTER-PREFIX                    lookup 51871     (pods)
 *                 not fwmark MARK/MARK                 lookup 51871     (nodes, all)
 *   table 51871   throw OWN-PREFIX                                      own pods: the main table decides
 *                 PEER-PREFIX dev litz0 src OWN                         permissive: once it has answered
 *                 unreachable CLUSTER-PREFIX metric 4278198272          enforce: nothing else leaves
 * ```
 *
 * The size of the rules and of the ruleset doesn't depend on the number of nodes.
 *
 * @module
 */
import { formatCidr, parseAddress, type Cidr } from '@litz/core';
import { meshRuleset } from '../netfilter/mesh-ruleset.ts';
import {
  DEFAULT_PRIORITY,
  DEFAULT_TABLE,
  NODES_MARK,
  type DesiredHost,
  type DesiredLink,
  type MeshRequest,
  type RoutedPeer,
} from './desired-host.ts';
import { LAST_METRIC, meshRoute, type MeshRoute } from './mesh-route.ts';
import { MAIN_TABLE, meshRule, type MeshRule } from './mesh-rule.ts';
import { covers, familyOf, hostPrefix, networkAddress } from './prefix.ts';

/** @throws {TypeError} `enforce` without a cluster prefix, or an address that is none */
export function desireHost(request: MeshRequest): DesiredHost {
  const { interfaceName, enforcement } = request;
  const { table = DEFAULT_TABLE, priority = DEFAULT_PRIORITY } = request;
  const common = { interfaceName, enforcement, table, priority };
  if (enforcement === 'off') return { ...common, ...NOTHING };
  if (enforcement === 'enforce' && request.clusterPrefixes.length === 0) {
    throw new TypeError(
      '"clusterPrefixes" expected one at least: enforce has to know what to refuse',
    );
  }
  const withNodes = encryptsOwnNode(request);
  const context = contextOf(request, withNodes);
  const parts = request.peers.map((peer) => partOf(peer, context));
  const link = {
    mtu: tunnelMtu(request, parts),
    addresses: tunnelAddresses(request.own.prefixes),
  };
  const underlayLinks = request.underlay.links;
  return {
    ...common,
    mark: withNodes ? NODES_MARK : 0,
    link,
    routes: routes(request, parts),
    rules: byText(rules(request, parts, { table, priority })),
    looseLinks: looseLinks(request),
    ruleset: meshRuleset({ ...request, ...link, underlayLinks, withNodes }),
  };
}

/** Whether the traffic of the own node itself goes into the tunnel. */
export function encryptsOwnNode({ mode, own }: Pick<MeshRequest, 'mode' | 'own'>): boolean {
  return mode === 'all' || (mode === 'nodes' && own.encryptsNode);
}

/** The network address of the first prefix of each family that has room for one besides the pods'. */
export function tunnelAddresses(prefixes: readonly Readonly<Cidr>[]): Cidr[] {
  return ([4, 6] as const).flatMap((family) => {
    const own = prefixes.find((prefix) => familyOf(prefix) === family && hasRoom(prefix));
    return own ? [hostPrefix(networkAddress(own))] : [];
  });
}

/**
 * Links by which packets may come while those that answer them go into the tunnel. A strict filter drops
 * such packets. With `nodes` it would drop everything, even ARP, since what it looks up has no mark. With
 * `pods` it is what a pod sends to another node itself. And while two nodes change over, which they don't
 * do in the same moment, it is everything of a peer's pods.
 */
function looseLinks({ enforcement, underlay }: MeshRequest): string[] {
  const changing = enforcement === 'permissive' ? underlay.podLinks : [];
  return [...new Set([...underlay.links, ...changing])].toSorted();
}

/** What decides about every peer alike. */
interface Context {
  /** Identifies it: the same for the same. */
  readonly text: string;
  readonly request: MeshRequest;
  readonly withNodes: boolean;
  readonly pods: ByFamily;
  readonly node: ByFamily;
  /** Of the registry's servers, as text of the bytes. */
  readonly registry: ReadonlySet<string>;
}

interface ByFamily {
  readonly 4: Uint8Array | undefined;
  readonly 6: Uint8Array | undefined;
}

/** What one peer comes to. Of 5,000 peers one changes: those of the others are made once. */
interface PeerPart {
  readonly context: string;
  readonly routes: readonly MeshRoute[];
  /** With the last resorts that no cluster prefix gives. */
  readonly enforced: readonly MeshRoute[];
  readonly has: { readonly 4: boolean; readonly 6: boolean };
  /** Prefixes that are outside of the cluster's. */
  readonly outside: { readonly 4: boolean; readonly 6: boolean };
  readonly outerIpv4: boolean;
}

const partsOfPeers = new WeakMap<RoutedPeer, PeerPart>();

function contextOf(request: MeshRequest, withNodes: boolean): Context {
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

function partOf(peer: RoutedPeer, context: Context): PeerPart {
  const known = partsOfPeers.get(peer);
  if (known?.context === context.text) return known;
  const made = makePart(peer, context);
  partsOfPeers.set(peer, made);
  return made;
}

function makePart(peer: RoutedPeer, context: Context): PeerPart {
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
    context: context.text,
    routes,
    enforced: [...routes, ...lastResorts],
    has: families(peer.prefixes),
    outside: families(outside),
    outerIpv4: peer.endpoint.address.length === 4,
  };
}

function lastResort(prefix: Readonly<Cidr>): MeshRoute {
  return meshRoute('unreachable', prefix, { metric: LAST_METRIC });
}

function routes(request: MeshRequest, parts: readonly PeerPart[]): (readonly MeshRoute[])[] {
  const { own, peers, answered, enforcement, clusterPrefixes } = request;
  const all: (readonly MeshRoute[])[] = [own.prefixes.map((prefix) => meshRoute('throw', prefix))];
  if (enforcement === 'enforce') {
    all.push(clusterPrefixes.map(lastResort));
    for (const { enforced } of parts) all.push(enforced);
    return all;
  }
  for (const [i, peer] of peers.entries()) if (answered.has(peer.name)) all.push(parts[i]!.routes);
  return all;
}

function tunnelMtu({ underlay, own }: MeshRequest, parts: readonly PeerPart[]): number {
  const outerIpv4 = parts.length > 0 && parts.every((part) => part.outerIpv4);
  const overhead = outerIpv4 ? OVERHEAD_IPV4 : OVERHEAD_IPV6;
  const mtu = (underlay.mtu ?? DEFAULT_OUTER_MTU) - overhead;
  const insideIpv6 = families(own.prefixes)[6] || parts.some(({ has }) => has[6]);
  return Math.min(Math.max(mtu, insideIpv6 ? LEAST_MTU_IPV6 : LEAST_MTU_IPV4), LARGEST_MTU);
}

function rules(request: MeshRequest, parts: readonly PeerPart[], place: Place): MeshRule[] {
  const { table, priority } = place;
  const { clusterPrefixes, own } = request;
  if (encryptsOwnNode(request)) {
    const nodes = families([...own.prefixes, ...own.addresses.map(parseAddress).map(hostPrefix)]);
    return [
      ...exceptions(request, priority - 1),
      ...FAMILIES.filter((family) => nodes[family]).map((family) =>
        meshRule({ family, priority, table, notMark: NODES_MARK }),
      ),
    ];
  }
  return FAMILIES.flatMap((family) => {
    const cluster = clusterPrefixes.filter((prefix) => familyOf(prefix) === family);
    const isUsed = families(own.prefixes)[family] || parts.some(({ has }) => has[family]);
    if (cluster.length === 0 && !isUsed) return [];
    // Without a prefix that has them all the rule is for every packet: the table has what is ours.
    const isWhole = cluster.length > 0 && !parts.some(({ outside }) => outside[family]);
    if (!isWhole) return [meshRule({ family, priority, table })];
    return cluster.map((to) => meshRule({ family, priority, table, to }));
  });
}

interface Place {
  readonly table: number;
  readonly priority: number;
}

/**
 * The way to the registry stays open without the tunnel, so that a node can tell a new key. A node that
 * serves the registry answers the same way.
 */
function exceptions(request: MeshRequest, priority: number): MeshRule[] {
  const own = new Set(request.own.addresses.map((text) => parseAddress(text).join('.')));
  return request.registryAddresses.flatMap(({ address: text, port }) => {
    const address = parseAddress(text);
    const family = address.length === 4 ? 4 : 6;
    const common = { family, priority, table: MAIN_TABLE } as const;
    const prefix = hostPrefix(address);
    if (own.has(address.join('.'))) return [meshRule({ ...common, from: prefix, tcpFrom: port })];
    return [meshRule({ ...common, to: prefix, tcpTo: port })];
  });
}

function families(prefixes: readonly Readonly<Cidr>[]): { 4: boolean; 6: boolean } {
  return {
    4: prefixes.some(({ address }) => address.length === 4),
    6: prefixes.some(({ address }) => address.length === 16),
  };
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

function byText(rules: readonly MeshRule[]): Map<string, MeshRule> {
  return new Map(rules.map((rule) => [rule.text, rule]));
}

const NOTHING: Omit<DesiredHost, 'interfaceName' | 'enforcement' | 'table' | 'priority'> = {
  mark: 0,
  link: undefined as DesiredLink | undefined,
  routes: [],
  rules: new Map(),
  looseLinks: [],
  ruleset: undefined,
};

const FAMILIES = [4, 6] as const;
/** IPv4 20, or IPv6 40; UDP 8; WireGuard 16 and its tag 16. */
const OVERHEAD_IPV4 = 60;
const OVERHEAD_IPV6 = 80;
const DEFAULT_OUTER_MTU = 1500;
const LEAST_MTU_IPV6 = 1280;
const LEAST_MTU_IPV4 = 576;
/** Largest inner packet: an outer UDP datagram holds 65,507 bytes. */
const LARGEST_MTU = 65456;
