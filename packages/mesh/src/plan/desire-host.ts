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
import { parseAddress, type Cidr } from '@litz/core';
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
  const link = { mtu: tunnelMtu(request), addresses: tunnelAddresses(request.own.prefixes) };
  const underlayLinks = request.underlay.links;
  return {
    ...common,
    mark: withNodes ? NODES_MARK : 0,
    link,
    routes: routes(request),
    rules: byText(rules(request, table, priority)),
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
 * Links by which plaintext of a peer may come while packets to it go into the tunnel. A strict filter
 * drops it: with `nodes` always, since what the filter looks up has no mark, and even ARP; otherwise
 * while two nodes change over, which they don't do in the same moment.
 */
function looseLinks(request: MeshRequest): string[] {
  const { links, podLinks } = request.underlay;
  const withNodes = encryptsOwnNode(request) ? links : [];
  const changing = request.enforcement === 'permissive' ? podLinks : [];
  return [...new Set([...withNodes, ...changing])].toSorted();
}

function tunnelMtu({ underlay, peers, own }: MeshRequest): number {
  const outerIpv4 =
    peers.length > 0 && peers.every(({ endpoint }) => endpoint.address.length === 4);
  const overhead = outerIpv4 ? OVERHEAD_IPV4 : OVERHEAD_IPV6;
  const mtu = (underlay.mtu ?? DEFAULT_OUTER_MTU) - overhead;
  const insideIpv6 = [...own.prefixes, ...peers.flatMap(({ prefixes }) => prefixes)].some(
    (prefix) => familyOf(prefix) === 6,
  );
  return Math.min(Math.max(mtu, insideIpv6 ? LEAST_MTU_IPV6 : LEAST_MTU_IPV4), LARGEST_MTU);
}

function routes(request: MeshRequest): Map<string, MeshRoute> {
  const { own, peers, answered, enforcement } = request;
  const sources = routeSources(request);
  const all = new Map<string, MeshRoute>();
  const add = (route: MeshRoute): void => void all.set(route.key, route);
  for (const prefix of own.prefixes) add(meshRoute('throw', prefix));
  for (const peer of peers) {
    if (enforcement !== 'enforce' && !answered.has(peer.name)) continue;
    for (const route of peerRoutes(peer, sources)) add(route);
  }
  if (enforcement !== 'enforce') return all;
  for (const prefix of lastResorts(request)) {
    add(meshRoute('unreachable', prefix, { metric: LAST_METRIC }));
  }
  return all;
}

/** What stays unreachable when the tunnel is gone: the cluster, and what of the peers is outside of it. */
function lastResorts(request: MeshRequest): Readonly<Cidr>[] {
  const { clusterPrefixes, peers, registryAddresses } = request;
  // The ruleset stops what is for them, so that the way to the registry stays open.
  const registry = new Set(registryAddresses.map(({ address }) => parseAddress(address).join('.')));
  const nodeAddresses = (peer: RoutedPeer): Readonly<Cidr>[] =>
    peer.addresses
      .map(parseAddress)
      .filter((address) => !registry.has(address.join('.')))
      .map(hostPrefix);
  const outside = peers.flatMap((peer) => [
    ...peer.prefixes.filter((prefix) => !isIn(prefix, clusterPrefixes)),
    ...(takesNode(request, peer) ? nodeAddresses(peer) : []),
  ]);
  return [...clusterPrefixes, ...outside];
}

/** What decides about the routes of every peer alike. */
interface RouteSources {
  /** Identifies it: the same for the same. */
  readonly text: string;
  readonly pods: { readonly 4: Uint8Array | undefined; readonly 6: Uint8Array | undefined };
  readonly node: { readonly 4: Uint8Array | undefined; readonly 6: Uint8Array | undefined };
  readonly takesNode: (peer: RoutedPeer) => boolean;
}

function routeSources(request: MeshRequest): RouteSources {
  const withNodes = encryptsOwnNode(request);
  const tunnel = tunnelAddresses(request.own.prefixes).map(({ address }) => address);
  const node = withNodes ? request.own.addresses.map(parseAddress) : [];
  return {
    text: [request.mode, withNodes, tunnel.join(' '), node.join(' ')].join(';'),
    pods: byFamily(tunnel),
    node: byFamily(node),
    takesNode: (peer) => takesNode(request, peer),
  };
}

function byFamily(addresses: readonly Uint8Array[]): RouteSources['pods'] {
  return {
    4: addresses.find(({ length }) => length === 4),
    6: addresses.find(({ length }) => length === 16),
  };
}

function takesNode(request: MeshRequest, peer: RoutedPeer): boolean {
  return encryptsOwnNode(request) && (request.mode === 'all' || peer.encryptsNode);
}

/** Of 5,000 peers one changes: the routes of the others are made once. */
const routesOfPeers = new WeakMap<RoutedPeer, { text: string; routes: readonly MeshRoute[] }>();

function peerRoutes(peer: RoutedPeer, sources: RouteSources): readonly MeshRoute[] {
  const known = routesOfPeers.get(peer);
  if (known?.text === sources.text) return known.routes;
  const made = peer.prefixes.map((prefix) =>
    meshRoute('unicast', prefix, { source: sources.pods[familyOf(prefix)] }),
  );
  if (sources.takesNode(peer)) {
    for (const address of peer.addresses.map(parseAddress)) {
      const source = sources.node[address.length === 4 ? 4 : 6];
      made.push(meshRoute('unicast', hostPrefix(address), { source }));
    }
  }
  routesOfPeers.set(peer, { text: sources.text, routes: made });
  return made;
}

function rules(request: MeshRequest, table: number, priority: number): MeshRule[] {
  const families = ([4, 6] as const).filter((family) => hasFamily(request, family));
  if (encryptsOwnNode(request)) {
    return [
      ...exceptions(request, priority - 1),
      ...families.map((family) => meshRule({ family, priority, table, notMark: NODES_MARK })),
    ];
  }
  return families.flatMap((family) => {
    const cluster = request.clusterPrefixes.filter((prefix) => familyOf(prefix) === family);
    const isWhole = request.peers.every(({ prefixes }) =>
      prefixes.every((prefix) => familyOf(prefix) !== family || isIn(prefix, cluster)),
    );
    // Without a prefix that has them all the rule is for every packet: the table has what is ours.
    if (cluster.length === 0 || !isWhole) return [meshRule({ family, priority, table })];
    return cluster.map((to) => meshRule({ family, priority, table, to }));
  });
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

function hasFamily(request: MeshRequest, family: 4 | 6): boolean {
  const { clusterPrefixes, own, peers } = request;
  const isOf = (prefix: Readonly<Cidr>): boolean => familyOf(prefix) === family;
  if (clusterPrefixes.some(isOf) || own.prefixes.some(isOf)) return true;
  if (peers.some(({ prefixes }) => prefixes.some(isOf))) return true;
  const isNode = (text: string): boolean => text.includes(':') === (family === 6);
  return encryptsOwnNode(request) && own.addresses.some(isNode);
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
  routes: new Map(),
  rules: new Map(),
  looseLinks: [],
  ruleset: undefined,
};

/** IPv4 20, or IPv6 40; UDP 8; WireGuard 16 and its tag 16. */
const OVERHEAD_IPV4 = 60;
const OVERHEAD_IPV6 = 80;
const DEFAULT_OUTER_MTU = 1500;
const LEAST_MTU_IPV6 = 1280;
const LEAST_MTU_IPV4 = 576;
/** Largest inner packet: an outer UDP datagram holds 65,507 bytes. */
const LARGEST_MTU = 65456;
