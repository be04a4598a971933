/**
 * `desireHost`: computes the desired state of the machine from peers, mode and enforcement. Pure.
 *
 * ```
 *   priority 899  to REGISTRY ipproto tcp dport PORT   lookup main      (nodes, all)
 *   priority 900  to CLUSTER-PREFIX                    lookup 51871     (pods)
 *                 not fwmark MARK/MARK                 lookup 51871     (nodes, all)
 *   table 51871   throw OWN-PREFIX                           own pods: the main table decides
 *                 PEER-PREFIX dev litz0 src OWN              permissive: if the peer has answered
 *                 PEER-PREFIX dev litz0 src OWN mtu MTU      IPv4, if less than 1280 fits
 *                 unreachable CLUSTER-PREFIX metric LAST     enforce: refuses the rest
 * ```
 *
 * `LAST` is `LAST_METRIC`. With IPv6, the MTU of the interface is at least 1280, so routes of IPv4
 * may need a smaller MTU. A large cluster has as many routing rules and nftables rules as a small
 * one.
 *
 * @module
 */
import { parseAddress } from '@litz/core';
import { RulesetCache } from '../netfilter/ruleset-cache.ts';
import { hostPrefix } from '../record/cidr-relations.ts';
import {
  DEFAULT_PRIORITY,
  DEFAULT_TABLE,
  NODES_MARK,
  type DesiredHost,
  type DesiredLink,
  type DesiredRoutes,
  type Enforcement,
  type MeshRequest,
  type RoutedPeer,
  type RoutingNumbers,
} from './desired-host.ts';
import { HostRoutes } from './host-routes.ts';
import { LastResult } from './last-result.ts';
import { MAIN_TABLE, meshRule, type MeshRule } from './mesh-rule.ts';
import {
  FAMILIES,
  families,
  peerContext,
  tunnelAddresses,
  type PeerContext,
  type PeerTally,
} from './peer-part.ts';
import { familyOf } from './prefix.ts';
import { ipv4Mtu, tunnelMtu, type MtuInput } from './tunnel-mtu.ts';

/**
 * Returns the desired state of the machine.
 *
 * @throws {TypeError} the enforcement is `enforce` and there is no cluster prefix
 * @throws {WireGuardError} `ERR_LITZ_INVALID_ADDRESS`: a text is not an address
 */
export function desireHost(request: MeshRequest): DesiredHost {
  const { peers, answered } = request;
  const byName = new Map(peers.map((peer) => [peer.name, peer]));
  return desireHostWith(new DesiredHostCache(), request, { peers: byName, answered });
}

/** A request without its peers. */
export type CommonRequest = Omit<MeshRequest, 'peers' | 'answered'>;

/** The peers of a request. */
export interface PeersOfRequest extends Pick<MeshRequest, 'answered'> {
  /** The peers, by name. */
  readonly peers: ReadonlyMap<string, RoutedPeer>;
  /** Names of the peers that may differ from the previous call; default: all. */
  readonly changed?: ReadonlySet<string>;
}

/** What `desireHostWith` keeps between the calls. */
export class DesiredHostCache {
  readonly routes: HostRoutes = new HostRoutes();
  readonly ruleset: RulesetCache = new RulesetCache();
  readonly context: LastResult<PeerContext> = new LastResult();
  readonly rules: LastResult<ReadonlyMap<string, MeshRule>> = new LastResult();
}

/**
 * Does the same as `desireHost`, and keeps the peers' routes and the ruleset in `cache` between the
 * calls. The time for a call depends on the number of changed peers, not on the number of all
 * peers. The request is compared by identity: a caller who changes it must pass a new object.
 *
 * @throws {TypeError} the enforcement is `enforce` and there is no cluster prefix
 * @throws {WireGuardError} `ERR_LITZ_INVALID_ADDRESS`: a text is not an address
 */
export function desireHostWith(
  cache: DesiredHostCache,
  request: CommonRequest,
  peers: PeersOfRequest,
): DesiredHost {
  const { routes: hostRoutes, ruleset } = cache;
  const { interfaceName, enforcement } = request;
  const { table = DEFAULT_TABLE, priority = DEFAULT_PRIORITY } = request;
  const common = { interfaceName, enforcement, table, priority };
  if (enforcement === 'off') {
    hostRoutes.clear();
    return { ...common, ...NOTHING, link: linkOf(hostRoutes, request) };
  }
  if (enforcement === 'enforce' && request.clusterPrefixes.length === 0) {
    throw new TypeError(
      '"clusterPrefixes" expected at least one prefix: enforce needs it to know which packets to stop',
    );
  }
  const withNodes = encryptsOwnNode(request);
  const routes = updateRoutes(cache, request, enforcement, peers);
  const link = linkOf(hostRoutes, request);
  const hasIpv6 = passesIpv6(hostRoutes, request);
  const underlayLinks = request.underlay.links;
  return {
    ...common,
    mark: withNodes ? NODES_MARK : 0,
    link,
    ...routes,
    rules: rulesWith(cache, request, { table, priority }),
    looseLinks: looseLinks(request),
    ruleset: ruleset.textFor({
      ...request,
      ...link,
      mtu4: ipv4Mtu(mtuInputOf(hostRoutes, request), { hasIpv6 }) ?? link.mtu,
      underlayLinks,
      withNodes,
    }),
  };
}

/** Whether traffic of this node itself goes into the tunnel, not only traffic of its pods. */
export function encryptsOwnNode({ mode, own }: Pick<MeshRequest, 'mode' | 'own'>): boolean {
  return mode === 'all' || (mode === 'nodes' && own.encryptsNode);
}

/**
 * Returns the settings of the tunnel's interface. They are also needed while the mesh is off on
 * this node, because other nodes may still send through the tunnel. The addresses are needed
 * because Linux drops packets from an interface without an address if the reverse path filter is
 * on, even if it is loose (net/ipv4/fib_frontend.c).
 */
function linkOf(hostRoutes: HostRoutes, request: CommonRequest): DesiredLink {
  const hasIpv6 = passesIpv6(hostRoutes, request);
  return {
    mtu: tunnelMtu(mtuInputOf(hostRoutes, request), { hasIpv6 }),
    addresses: tunnelAddresses(request.own.prefixes),
  };
}

function mtuInputOf({ tally }: HostRoutes, { underlay }: CommonRequest): MtuInput {
  return { underlay: underlay.mtu, outerIpv4: tally.outerIpv4 };
}

/**
 * Updates the routes. The MTU of all IPv4 routes can change when the first peer with IPv6 comes or
 * the last peer with IPv6 goes. This is known only after the update, so the routes are then updated
 * once more.
 */
function updateRoutes(
  cache: DesiredHostCache,
  request: CommonRequest,
  enforcement: Exclude<Enforcement, 'off'>,
  peers: PeersOfRequest,
): DesiredRoutes {
  const { routes: hostRoutes } = cache;
  const withNodes = encryptsOwnNode(request);
  const hasIpv6 = passesIpv6(hostRoutes, request);
  const context = cache.context.for([request, hasIpv6], () =>
    peerContext(request, { withNodes, hasIpv6 }),
  );
  const routes = hostRoutes.update(context, enforcement, peers);
  if (passesIpv6(hostRoutes, request) === hasIpv6) return routes;
  const other = peerContext(request, { withNodes, hasIpv6: !hasIpv6 });
  return hostRoutes.update(other, enforcement, peers);
}

/** Returns the rules, by text. The rules depend on the peers only through the tally. */
function rulesWith(
  { rules: last, routes: { tally } }: DesiredHostCache,
  request: CommonRequest,
  numbers: RoutingNumbers,
): ReadonlyMap<string, MeshRule> {
  const { has, outside } = tally;
  return last.for([request, has[4], has[6], outside[4], outside[6]], () =>
    byText(rules(request, tally, numbers)),
  );
}

/** Whether this node or a peer of the last update has IPv6 prefixes. */
function passesIpv6({ tally }: HostRoutes, { own }: CommonRequest): boolean {
  return families(own.prefixes)[6] || tally.has[6];
}

/**
 * Returns the links that may receive packets whose answers go into the tunnel. On these links, a
 * strict reverse path filter would drop:
 * - with `nodes` and `all`: every packet, even ARP, because the filter looks up the route to the
 *   sender without a mark, and this route leads into the tunnel;
 * - with `pods`: the packets that a peer's pod sends to this node itself;
 * - with `permissive`: the packets that a peer's pods send outside the tunnel, while this node
 *   already answers through the tunnel. Two nodes never change their enforcement at the same
 *   moment, so there is always a time in which only one of them uses the tunnel.
 */
function looseLinks({ enforcement, underlay }: CommonRequest): string[] {
  const changing = enforcement === 'permissive' ? underlay.podLinks : [];
  return [...new Set([...underlay.links, ...changing])].toSorted();
}

function rules(request: CommonRequest, tally: PeerTally, numbers: RoutingNumbers): MeshRule[] {
  const { table, priority } = numbers;
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
    // If the cluster prefixes don't contain all prefixes of pods, the rule is for every packet. A
    // packet for which the mesh's table has no route goes on to the next rule.
    const isWhole = cluster.length > 0 && !tally.outside[family];
    if (!isWhole) return [meshRule({ family, priority, table })];
    return cluster.map((to) => meshRule({ family, priority, table, to }));
  });
}

/**
 * Connections to the registry bypass the tunnel, so that a node can publish a new key when its
 * tunnels do not work. If this node runs a server of the registry, the answers of this server
 * bypass the tunnel too.
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

/** The desired state while the mesh is off, without the settings of the interface. */
const NOTHING: Omit<DesiredHost, 'interfaceName' | 'enforcement' | 'table' | 'priority' | 'link'> =
  {
    mark: 0,
    routes: [],
    rules: new Map(),
    looseLinks: [],
    ruleset: undefined,
  };
