/**
 * `meshRuleset`: the one nftables ruleset of the mesh, as text for `nft -f FILE`. Pure.
 *
 * It is one table, loaded whole in one transaction. What it says depends on cluster prefixes, the own
 * node and the registry, and never on the other nodes: a node that joins changes nothing here.
 *
 * | chain | enforcement | what for |
 * |---|---|---|
 * | sources | permissive, enforce | what isn't a pod's gets the address of the tunnel's interface, else the peer refuses it |
 * | clamp | permissive, enforce | TCP through the tunnel has segments that fit |
 * | forward, leaving | enforce | backstop: packets to pods of other nodes leave by the tunnel or not at all |
 * | ingress | enforce | what says it is from there came by the tunnel |
 *
 * @module
 */
import { formatAddress, parseAddress, type Cidr } from '@litz/core';
import { NODES_MARK, type MeshRequest } from '../plan/desired-host.ts';
import { addressOfNumber, familyOf, rangesWithout, type AddressRange } from '../plan/prefix.ts';

/** Family and name of the table, as `nft` takes them. */
export const MESH_TABLE = 'inet litz';

/** What of a request the ruleset is made from. */
export interface RulesetRequest extends Pick<
  MeshRequest,
  'interfaceName' | 'port' | 'enforcement' | 'clusterPrefixes' | 'own' | 'registryAddresses'
> {
  /** Links of the underlay. */
  readonly underlayLinks: readonly string[];
  /** The tunnel's interface. */
  readonly mtu: number;
  readonly addresses: readonly Readonly<Cidr>[];
  /** Traffic of the node itself goes into the tunnel. */
  readonly withNodes: boolean;
}

export function meshRuleset(request: RulesetRequest): string {
  const enforced = request.enforcement === 'enforce';
  const parts = [
    ...([4, 6] as const).flatMap((family) => sets(request, family)),
    ...(enforced ? [forward(request), leaving(request), ingress(request)] : []),
    snat(request),
    clamp(request),
  ];
  // A table that isn't there can't be deleted: it is made first, if need be.
  return [
    `table ${MESH_TABLE}`,
    `delete table ${MESH_TABLE}`,
    `table ${MESH_TABLE} {`,
    ...parts.filter((part) => part !== ''),
    '}',
    '',
  ].join('\n');
}

/** Every set is there, also an empty one: the rules are the same everywhere. */
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

/** Packets that others send through this node, with the address that they are for in the end. */
function forward({ interfaceName, underlayLinks }: RulesetRequest): string {
  const unreachable = { 4: 'icmp type host-unreachable', 6: 'icmpv6 type addr-unreachable' };
  return chain('forward', 'type filter hook forward priority filter - 10', [
    ...both(
      (ip, family) =>
        `oifname != ${quoted(interfaceName)} ${ip} daddr @remote${family} counter reject with ${unreachable[family]}`,
    ),
    ...both(
      (ip, family) => `${cameElsewhere(interfaceName)} ${ip} saddr @remote${family} counter drop`,
    ),
    ...ownStaysHere(underlayLinks),
  ]);
}

/**
 * Packets of the node itself, and all others once more. Not in the output hook: what a service's address
 * turns into another one there gets another way too, and the hook goes on to name the first one.
 */
function leaving(request: RulesetRequest): string {
  const { interfaceName, underlayLinks, withNodes } = request;
  const elsewhere = `oifname != { ${quoted(interfaceName)}, "lo" }`;
  return chain('leaving', 'type filter hook postrouting priority filter - 10', [
    ...both((ip, family) => `${elsewhere} ${ip} daddr @remote${family} counter drop`),
    ...ownStaysHere(underlayLinks),
    ...(withNodes ? registryBackstop(request, elsewhere) : []),
  ]);
}

/**
 * Nodes that have the registry are not unreachable when the tunnel is gone, so that ARP goes on there.
 * So what isn't for the registry is stopped here.
 */
function registryBackstop({ registryAddresses, own }: RulesetRequest, elsewhere: string): string[] {
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
    ...both((ip, family) => `${elsewhere} ${ip} daddr @registry${family} counter drop`),
  ];
}

/**
 * Strict ingress. It also stops pods of this node that forge the address of another node's pod. A pod may
 * speak to a node itself without the tunnel, as long as the mode covers pods alone; where the node hands
 * that on to a pod of its own, the forward chain stops it.
 */
function ingress(request: RulesetRequest): string {
  const { interfaceName, port, registryAddresses, own, withNodes } = request;
  const elsewhere = cameElsewhere(interfaceName);
  const toPods = withNodes ? '' : ' fib daddr type != local';
  const pods = both(
    (ip, family) => `${elsewhere} ${ip} saddr @remote${family}${toPods} counter drop`,
  );
  const nodes = new Set(own.addresses.map((text) => formatAddress(parseAddress(text))));
  const registry = registryAddresses.map(({ address, port }) =>
    nodes.has(formatAddress(parseAddress(address)))
      ? `${ipOf(address)} daddr ${address} tcp dport ${port} accept`
      : `${ipOf(address)} saddr ${address} tcp sport ${port} accept`,
  );
  // Whose answers would go into the tunnel has to come by it. The routes know who that is.
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

function cameElsewhere(interfaceName: string): string {
  return `iifname != ${quoted(interfaceName)}`;
}

/** A pod that is gone leaves no route behind, and a default route would lead its packets out. */
function ownStaysHere(underlayLinks: readonly string[]): string[] {
  if (underlayLinks.length === 0) return [];
  const out = `oifname { ${underlayLinks.map(quoted).join(', ')} }`;
  return both((ip, family) => `${out} ${ip} daddr @own${family} counter drop`);
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
    // To a pod of a node that opted out too: it answers by the tunnel only to a pod's address.
    const pods = `${into} ${ip} daddr @remote${family} ${ip} saddr != @own${family} ${asTunnel}`;
    const foreign = `${into} ${ip} saddr != @own${family} ${ip} saddr != @node${family}`;
    return [...(toPods ? [pods] : []), `${foreign} snat ${ip} to ${node}`];
  });
  return chain('sources', 'type nat hook postrouting priority srcnat', rules);
}

/** In both directions: what comes in is answered by the tunnel, too. */
function clamp({ interfaceName, mtu }: RulesetRequest): string {
  const opening = 'tcp flags & (syn | rst) == syn tcp option maxseg size set';
  const came = `iifname ${quoted(interfaceName)}`;
  return chain('clamp', 'type filter hook forward priority mangle', [
    `oifname ${quoted(interfaceName)} ${opening} rt mtu`,
    `${came} meta nfproto ipv4 ${opening} ${mtu - 40}`,
    `${came} meta nfproto ipv6 ${opening} ${mtu - 60}`,
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

function both(rule: (ip: string, family: 4 | 6) => string): string[] {
  return ([4, 6] as const).map((family) => rule(IP[family], family));
}

/** Each address once, as the kernel writes it. */
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

/** Names of links have no quotation marks in them that would matter to `nft`; those that do are left out. */
function quoted(name: string): string {
  return `"${name.replaceAll(/["\\*]/g, '?')}"`;
}

const IP = { 4: 'ip', 6: 'ip6' } as const;
/** IPv6's ARP: between the nodes it is never in the tunnel. */
const NEIGHBOURS =
  '{ nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, nd-redirect }';
