/**
 * `meshRuleset`: the nftables ruleset of the mesh, as text for `nft -f FILE`. Pure.
 *
 * The ruleset is one table, which `nft` loads in one transaction. It depends on the cluster
 * prefixes, this node, the registry, the links of the underlay and the MTU, but it does not list
 * the other nodes. So the ruleset rarely changes when a node joins. An example of a change: the
 * first node that is reached by IPv6 joins, and the MTU becomes smaller.
 *
 * The chains with `permissive` and `enforce`:
 * - `sources` changes the source address of a packet that goes into the tunnel and was not sent by
 *   a pod of this node. The peer might not accept the original source address. If traffic of this
 *   node itself goes into the tunnel, packets from this node to another node keep their address;
 * - `clamp` limits the MSS of TCP connections through the tunnel.
 *
 * The chains with `enforce` only:
 * - `forward` and `leaving` are the backstop: if a packet to a pod of another node would leave
 *   outside the tunnel, they stop it;
 * - `ingress` drops a packet from a pod of another node if it arrives outside the tunnel.
 *
 * @module
 */
import { formatAddress, parseAddress, type Cidr } from '@litz/core';
import { NODES_MARK, type MeshRequest } from '../plan/desired-host.ts';
import { addressOfNumber, familyOf, rangesWithout, type AddressRange } from '../plan/prefix.ts';

/** Family and name of the table, as `nft` takes them. */
export const MESH_TABLE = 'inet litz';

/** The input of `meshRuleset`: parts of a `MeshRequest`, and values that were computed from it. */
export interface RulesetRequest extends Pick<
  MeshRequest,
  'interfaceName' | 'port' | 'enforcement' | 'clusterPrefixes' | 'own' | 'registryAddresses'
> {
  /** Names of the underlay's links. */
  readonly underlayLinks: readonly string[];
  /** MTU of the tunnel's interface in bytes. */
  readonly mtu: number;
  /** Largest IPv4 packet in bytes that fits through the tunnel. It may be less than `mtu`. */
  readonly mtu4: number;
  /** Addresses of the tunnel's interface, at most one of each family. */
  readonly addresses: readonly Readonly<Cidr>[];
  /** Whether traffic of this node itself goes into the tunnel, not only traffic of its pods. */
  readonly withNodes: boolean;
}

/** Returns the text of the ruleset. */
export function meshRuleset(request: RulesetRequest): string {
  const enforced = request.enforcement === 'enforce';
  const parts = [
    ...([4, 6] as const).flatMap((family) => sets(request, family)),
    ...(enforced ? [forward(request), leaving(request), ingress(request)] : []),
    snat(request),
    clamp(request),
  ];
  // `delete table` fails if there is no table. So the line before it creates the table if it is
  // missing.
  return [
    `table ${MESH_TABLE}`,
    `delete table ${MESH_TABLE}`,
    `table ${MESH_TABLE} {`,
    ...parts.filter((part) => part !== ''),
    '}',
    '',
  ].join('\n');
}

/**
 * Returns the sets of IPv4 or IPv6 addresses that the rules refer to. Empty sets are included,
 * because a rule must not refer to a set that does not exist.
 */
function sets(request: RulesetRequest, family: 4 | 6): string[] {
  const { clusterPrefixes, own, registryAddresses, withNodes } = request;
  const isOf = (prefix: Readonly<Cidr>): boolean => familyOf(prefix) === family;
  const ownPods = own.prefixes.filter(isOf);
  const ownNode = addressesOf(own.addresses, family);
  const registry = addressesOf(
    registryAddresses.map(({ address }) => address),
    family,
  ).filter((address) => !ownNode.includes(address));
  const remote = rangesWithout(clusterPrefixes.filter(isOf), ownPods);
  return [
    set(`own${family}`, family, rangesWithout(ownPods, []).map(rangeText(family))),
    set(`remote${family}`, family, remote.map(rangeText(family))),
    ...(withNodes
      ? [set(`node${family}`, family, ownNode), set(`registry${family}`, family, registry)]
      : []),
  ];
}

/** The chain for packets that this node forwards. At this hook, destination NAT has been done. */
function forward({ interfaceName, underlayLinks }: RulesetRequest): string {
  const unreachable = { 4: 'icmp type host-unreachable', 6: 'icmpv6 type addr-unreachable' };
  return chain('forward', 'type filter hook forward priority filter - 10', [
    ...forBothFamilies(
      (ip, family) =>
        `oifname != ${quoted(interfaceName)} ${ip} daddr @remote${family} counter reject with ${unreachable[family]}`,
    ),
    ...forBothFamilies(
      (ip, family) =>
        `${arrivesOutsideTunnel(interfaceName)} ${ip} saddr @remote${family} counter drop`,
    ),
    ...ownPodsBackstop(underlayLinks),
  ]);
}

/**
 * The chain for all packets that leave, also for packets of the node itself. These rules would not
 * work in the output hook. In that hook, destination NAT of a service may change the route of a
 * packet, but rules of the same hook would still see the output interface of the old route.
 */
function leaving(request: RulesetRequest): string {
  const { interfaceName, underlayLinks, withNodes } = request;
  const outsideTunnel = `oifname != { ${quoted(interfaceName)}, "lo" }`;
  return chain('leaving', 'type filter hook postrouting priority filter - 10', [
    ...forBothFamilies(
      (ip, family) => `${outsideTunnel} ${ip} daddr @remote${family} counter drop`,
    ),
    ...ownPodsBackstop(underlayLinks),
    ...(withNodes ? registryBackstop(request, outsideTunnel) : []),
  ]);
}

/**
 * Returns the rules for the nodes on which the registry's servers run. These rules stop packets to
 * these nodes outside the tunnel, except packets to the servers themselves. An `unreachable` route
 * to these nodes is not possible. It would also stop ARP with these nodes, and the connections to
 * the registry need ARP, because they bypass the tunnel.
 */
function registryBackstop(
  { registryAddresses, own }: RulesetRequest,
  outsideTunnel: string,
): string[] {
  const ours = `meta mark & ${NODES_MARK} == ${NODES_MARK}`;
  const nodes = new Set(own.addresses.map((text) => formatAddress(parseAddress(text))));
  const others = registryAddresses.filter(
    ({ address }) => !nodes.has(formatAddress(parseAddress(address))),
  );
  if (others.length === 0) return [];
  return [
    `${ours} accept`,
    ...others.map(
      ({ address, port }) => `${ipOf(address)} daddr ${address} tcp dport ${port} accept`,
    ),
    `icmpv6 type ${NEIGHBOURS} accept`,
    ...forBothFamilies(
      (ip, family) => `${outsideTunnel} ${ip} daddr @registry${family} counter drop`,
    ),
  ];
}

/**
 * The chain that drops a packet from a pod of another node if it arrives outside the tunnel. It
 * also drops a packet in which a pod of this node forges the address of a pod of another node. In
 * the mode `pods`, a pod of another node may send packets to this node itself without the tunnel.
 * If the node forwards such a packet to a pod, the forward chain drops it.
 */
function ingress(request: RulesetRequest): string {
  const { interfaceName, port, registryAddresses, own, withNodes } = request;
  const outsideTunnel = arrivesOutsideTunnel(interfaceName);
  const toPods = withNodes ? '' : ' fib daddr type != local';
  const pods = forBothFamilies(
    (ip, family) => `${outsideTunnel} ${ip} saddr @remote${family}${toPods} counter drop`,
  );
  const nodes = new Set(own.addresses.map((text) => formatAddress(parseAddress(text))));
  const registry = registryAddresses.map(({ address, port }) =>
    nodes.has(formatAddress(parseAddress(address)))
      ? `${ipOf(address)} daddr ${address} tcp dport ${port} accept`
      : `${ipOf(address)} saddr ${address} tcp sport ${port} accept`,
  );
  // A packet whose answer would go into the tunnel must arrive by the tunnel. The `fib` rule looks
  // up the route of the answer.
  const byRoute = [
    `iifname { ${quoted(interfaceName)}, "lo" } accept`,
    `udp dport ${port} accept`,
    `icmpv6 type ${NEIGHBOURS} accept`,
    ...registry,
    `fib saddr oifname ${quoted(interfaceName)} counter drop`,
  ];
  const rules = withNodes ? [...pods, ...byRoute] : pods;
  return chain('ingress', 'type filter hook prerouting priority raw', rules);
}

function arrivesOutsideTunnel(interfaceName: string): string {
  return `iifname != ${quoted(interfaceName)}`;
}

/**
 * Returns the rules that drop packets to this node's pods if these packets would leave on the
 * underlay. After a pod was removed, there is no route to its address, so packets to this address
 * would take the default route.
 */
function ownPodsBackstop(underlayLinks: readonly string[]): string[] {
  if (underlayLinks.length === 0) return [];
  const out = `oifname { ${underlayLinks.map(quoted).join(', ')} }`;
  return forBothFamilies((ip, family) => `${out} ${ip} daddr @own${family} counter drop`);
}

function snat({
  interfaceName,
  addresses,
  own,
  clusterPrefixes,
  withNodes,
}: RulesetRequest): string {
  const into = `oifname ${quoted(interfaceName)}`;
  const rules = addresses.flatMap((address) => {
    const family = familyOf(address);
    const [ip, tunnel] = [IP[family], formatAddress(address.address)];
    const [node] = addressesOf(own.addresses, family);
    const toPods = clusterPrefixes.some((prefix) => familyOf(prefix) === family);
    const asTunnel = `snat ${ip} to ${tunnel}`;
    if (!withNodes || !node) return [`${into} ${ip} saddr != @own${family} ${asTunnel}`];
    // A node that opted out sends only packets to addresses of pods into the tunnel. This is also
    // true for the answers of its pods. So each packet from this node to a pod gets the tunnel's
    // address, which is in a prefix of pods. Then the answer goes through the tunnel too.
    const pods = `${into} ${ip} daddr @remote${family} ${ip} saddr != @own${family} ${asTunnel}`;
    const foreign = `${into} ${ip} saddr != @own${family} ${ip} saddr != @node${family}`;
    return [...(toPods ? [pods] : []), `${foreign} snat ${ip} to ${node}`];
  });
  return chain('sources', 'type nat hook postrouting priority srcnat', rules);
}

/**
 * The chain that limits the MSS of TCP connections in both directions, because the segments of both
 * directions pass through the tunnel.
 */
function clamp({ interfaceName, mtu, mtu4 }: RulesetRequest): string {
  const opening = 'tcp flags & (syn | rst) == syn tcp option maxseg size set';
  const fromTunnel = `iifname ${quoted(interfaceName)}`;
  return chain('clamp', 'type filter hook forward priority mangle', [
    `oifname ${quoted(interfaceName)} ${opening} rt mtu`,
    `${fromTunnel} meta nfproto ipv4 ${opening} ${mtu4 - 40}`,
    `${fromTunnel} meta nfproto ipv6 ${opening} ${mtu - 60}`,
  ]);
}

function chain(name: string, hook: string, rules: readonly string[]): string {
  if (rules.length === 0) return '';
  const lines = rules.map((rule) => `    ${rule}`);
  return [`  chain ${name} {`, `    ${hook}; policy accept;`, ...lines, '  }'].join('\n');
}

function set(name: string, family: 4 | 6, elements: readonly string[]): string {
  const lines = elements.length > 0 ? [`    elements = { ${elements.join(', ')} }`] : [];
  const type = `    type ipv${family}_addr; flags interval;`;
  return [`  set ${name} {`, type, ...lines, '  }'].join('\n');
}

function forBothFamilies(rule: (ip: string, family: 4 | 6) => string): string[] {
  return ([4, 6] as const).map((family) => rule(IP[family], family));
}

/** Returns the addresses of the family, each once, in the form that the kernel writes. */
function addressesOf(texts: readonly string[], family: 4 | 6): string[] {
  const length = family === 4 ? 4 : 16;
  const addresses = texts.map(parseAddress).filter((address) => address.length === length);
  return [...new Set(addresses.map(formatAddress))];
}

function rangeText(family: 4 | 6): (range: AddressRange) => string {
  const length = family === 4 ? 4 : 16;
  return ({ first, last }) => {
    const [from, to] = [first, last].map((number) =>
      formatAddress(addressOfNumber(number, length)),
    );
    return from === to ? from! : `${from}-${to}`;
  };
}

function ipOf(address: string): string {
  return IP[address.includes(':') ? 6 : 4];
}

/**
 * Returns the name in quotation marks. Characters with a meaning for `nft` (`"`, `\`, `*`) become
 * `?`.
 */
function quoted(name: string): string {
  return `"${name.replaceAll(/["\\*]/g, '?')}"`;
}

const IP = { 4: 'ip', 6: 'ip6' } as const;
/**
 * Neighbour discovery, the counterpart of ARP in IPv6. Between nodes, neighbour discovery never
 * goes through the tunnel.
 */
const NEIGHBOURS =
  '{ nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, nd-redirect }';
