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
import { parseAddress } from '@litz/core';
import { meshRuleset } from '../netfilter/mesh-ruleset.ts';
import { hostPrefix } from '../record/cidr-relations.ts';
import {
  DEFAULT_PRIORITY,
  DEFAULT_TABLE,
  NODES_MARK,
  type DesiredHost,
  type DesiredLink,
  type MeshRequest,
  type RoutedPeer,
} from './desired-host.ts';
import { HostRoutes } from './host-routes.ts';
import { MAIN_TABLE, meshRule, type MeshRule } from './mesh-rule.ts';
import { FAMILIES, families, peerContext, tunnelAddresses, type PeerTally } from './peer-part.ts';
import { familyOf } from './prefix.ts';

/** @throws {TypeError} `enforce` without a cluster prefix, or an address that is none */
export function desireHost(request: MeshRequest): DesiredHost {
  const { peers, answered } = request;
  const byName = new Map(peers.map((peer) => [peer.name, peer]));
  return desireHostWith(new HostRoutes(), request, { peers: byName, answered });
}

/** What a request says besides the peers. */
export type CommonRequest = Omit<MeshRequest, 'peers' | 'answered'>;

/** The peers, by name, and which of them may differ from those of the call before; default: all. */
export interface PeersOfRequest extends Pick<MeshRequest, 'answered'> {
  readonly peers: ReadonlyMap<string, RoutedPeer>;
  readonly changed?: ReadonlySet<string>;
}

/**
 * The same, again and again with the same `HostRoutes`: it costs as much as has changed.
 *
 * @throws {TypeError} `enforce` without a cluster prefix, or an address that is none
 */
export function desireHostWith(
  hostRoutes: HostRoutes,
  request: CommonRequest,
  peers: PeersOfRequest,
): DesiredHost {
  const { interfaceName, enforcement } = request;
  const { table = DEFAULT_TABLE, priority = DEFAULT_PRIORITY } = request;
  const common = { interfaceName, enforcement, table, priority };
  if (enforcement === 'off') {
    hostRoutes.clear();
    return { ...common, ...NOTHING };
  }
  if (enforcement === 'enforce' && request.clusterPrefixes.length === 0) {
    throw new TypeError(
      '"clusterPrefixes" expected one at least: enforce has to know what to refuse',
    );
  }
  const withNodes = encryptsOwnNode(request);
  const routes = hostRoutes.update(peerContext(request, withNodes), enforcement, peers);
  const link = {
    mtu: tunnelMtu(request, hostRoutes.tally),
    addresses: tunnelAddresses(request.own.prefixes),
  };
  const underlayLinks = request.underlay.links;
  return {
    ...common,
    mark: withNodes ? NODES_MARK : 0,
    link,
    ...routes,
    rules: byText(rules(request, hostRoutes.tally, { table, priority })),
    looseLinks: looseLinks(request),
    ruleset: meshRuleset({ ...request, ...link, underlayLinks, withNodes }),
  };
}

/** Whether the traffic of the own node itself goes into the tunnel. */
export function encryptsOwnNode({ mode, own }: Pick<MeshRequest, 'mode' | 'own'>): boolean {
  return mode === 'all' || (mode === 'nodes' && own.encryptsNode);
}

/**
 * Links by which packets may come while those that answer them go into the tunnel. A strict filter drops
 * such packets. With `nodes` it would drop everything, even ARP, since what it looks up has no mark. With
 * `pods` it is what a pod sends to another node itself. And while two nodes change over, which they don't
 * do in the same moment, it is everything of a peer's pods.
 */
function looseLinks({ enforcement, underlay }: CommonRequest): string[] {
  const changing = enforcement === 'permissive' ? underlay.podLinks : [];
  return [...new Set([...underlay.links, ...changing])].toSorted();
}

function tunnelMtu({ underlay, own }: CommonRequest, tally: PeerTally): number {
  const overhead = tally.outerIpv4 ? OVERHEAD_IPV4 : OVERHEAD_IPV6;
  const mtu = (underlay.mtu ?? DEFAULT_OUTER_MTU) - overhead;
  const insideIpv6 = families(own.prefixes)[6] || tally.has[6];
  return Math.min(Math.max(mtu, insideIpv6 ? LEAST_MTU_IPV6 : LEAST_MTU_IPV4), LARGEST_MTU);
}

function rules(request: CommonRequest, tally: PeerTally, place: Place): MeshRule[] {
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
    const isUsed = families(own.prefixes)[family] || tally.has[family];
    if (cluster.length === 0 && !isUsed) return [];
    // Without a prefix that has them all the rule is for every packet: the table has what is ours.
    const isWhole = cluster.length > 0 && !tally.outside[family];
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
function exceptions(request: CommonRequest, priority: number): MeshRule[] {
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

/** IPv4 20, or IPv6 40; UDP 8; WireGuard 16 and its tag 16. */
const OVERHEAD_IPV4 = 60;
const OVERHEAD_IPV6 = 80;
const DEFAULT_OUTER_MTU = 1500;
const LEAST_MTU_IPV6 = 1280;
const LEAST_MTU_IPV4 = 576;
/** Largest inner packet: an outer UDP datagram holds 65,507 bytes. */
const LARGEST_MTU = 65456;
