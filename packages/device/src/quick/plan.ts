/**
 * `planTunnel`: which steps bring a tunnel up, as a pure function of what is asked for and what the
 * host looks like. The order and the routing are wg-quick's.
 *
 * A default route cannot simply be added: the outer datagrams would take it too and run in a circle.
 * So it goes to a table of its own, and rules send there what has no better route:
 *
 * ```
 *   prio  n-1  from all             lookup main, but not its default route
 *   prio  n    not fwmark TABLE     lookup TABLE          (the tunnel)
 *   prio  32766                     lookup main           (what has the mark: our own datagrams)
 * ```
 *
 * The same is done for every other prefix that a peer's endpoint lies in; wg-quick leaves that to the
 * user. With a strict reverse path filter the endpoint's answers would be dropped: by the rules, packets
 * to it that have no mark go into the tunnel. wg-quick gives answers the mark, by a firewall rule for
 * connections, and src_valid_mark has the filter look at it. There is no firewall here: the filter of
 * that interface is made loose, which it has to be with src_valid_mark as well as without. That is set,
 * where it can be, for whoever marks by rules of his own.
 * wg-quick's rule against packets from a neighbour to the tunnel's own address is not made here.
 *
 * A process that is killed takes its interface along, and routes with it, but not its rules. They have
 * no effect, since their table is empty; the next tunnel with that table deletes them. A rule that
 * somebody else made stays, also if it is the same: the host tells whose it is. A filter that is still
 * loose is put back by the next tunnel, when it ends if it needs it loose itself, otherwise at once.
 *
 * @module
 */
import { contains, masked, type Prefix } from './prefix.ts';
import { MAIN_TABLE, type PolicyRule, type Step } from './step.ts';

/** What is asked for. */
export interface TunnelRequest {
  readonly name: string;
  readonly addresses: readonly Prefix[];
  /** undefined: from the route to the endpoints. */
  readonly mtu: number | undefined;
  /** 'auto': main, and a table of its own for what must not catch our own datagrams. */
  readonly table: 'auto' | 'off' | number;
  /** Of the outer datagrams; 0 is none. */
  readonly mark: number;
  /** Of each peer, in order; the last peer with a prefix has it. */
  readonly allowedIps: readonly (readonly Prefix[])[];
  /** Resolved addresses of the peers' endpoints. */
  readonly endpoints: readonly Uint8Array[];
}

/** What the host looks like. */
export interface HostFacts {
  /** Largest MTU of the routes to the endpoints, else of the default route; undefined: no route. */
  readonly outerMtu: number | undefined;
  /** Tables that have a route. */
  readonly usedTables: ReadonlySet<number>;
  /** Priorities of the rules, for IPv4 and IPv6. */
  readonly rulePriorities: { readonly 4: readonly number[]; readonly 6: readonly number[] };
  /** Those of them that are of the two kinds that tunnels make, and were made by ours. */
  readonly tunnelRules: readonly PolicyRule[];
  /** net.ipv4.conf.all.src_valid_mark is set. */
  readonly srcValidMark: boolean;
  /** With a strict reverse path filter: interfaces towards IPv4 endpoints, and those of other tunnels. */
  readonly strictInterfaces: readonly string[];
  /** Interfaces whose filter is loose for tunnels alone that are no more. */
  readonly leftOverFilters: readonly string[];
}

/** The steps in the order in which they must be done. */
export function planTunnel(request: TunnelRequest, facts: HostFacts): Step[] {
  const destinations = sortedDestinations(request.allowedIps);
  const marked = request.table === 'auto' ? destinations.filter(catchesUs(request)) : [];
  const table = marked.length > 0 ? request.mark || freeTable(facts.usedTables) : 0;
  const steps: Step[] = [
    { type: 'create-link', name: request.name },
    { type: 'configure', peers: request.allowedIps.length, mark: request.mark || table },
    ...request.addresses.map((address): Step => ({ type: 'add-address', address })),
    { type: 'set-up', mtu: request.mtu ?? tunnelMtu(facts.outerMtu, request.addresses) },
  ];
  if (!marked.some(isIpv4)) {
    steps.push(...facts.leftOverFilters.map((link): Step => ({ type: 'restore-filter', link })));
  }
  if (request.table === 'off') return steps;
  if (request.table !== 'auto') return [...steps, ...routes(destinations, request.table)];
  const plain = destinations.filter((prefix) => !marked.includes(prefix));
  steps.push(...routes(withoutCovered(plain, request.addresses), MAIN_TABLE));
  steps.push(...routes(marked, table), ...sysctls(marked, facts), ...rules(marked, table, facts));
  return steps;
}

/** Whether a route for the prefix would catch our own datagrams. */
function catchesUs(request: TunnelRequest): (prefix: Prefix) => boolean {
  return (prefix) =>
    prefix.prefixLength === 0 ||
    request.endpoints.some((address) => contains(prefix, { address, prefixLength: 128 }));
}

/** Each prefix once, longest first as wg-quick has it, otherwise in the order of the file. */
function sortedDestinations(allowedIps: TunnelRequest['allowedIps']): Prefix[] {
  const byText = new Map<string, Prefix>();
  for (const destination of allowedIps.flat().map(masked)) {
    byText.set(`${destination.address.join('.')}/${destination.prefixLength}`, destination);
  }
  return [...byText.values()].sort((a, b) => b.prefixLength - a.prefixLength);
}

/** Leaves out what the interface's own routes lead into the tunnel already. */
function withoutCovered(prefixes: readonly Prefix[], addresses: readonly Prefix[]): Prefix[] {
  const covering = addresses.filter(makesRoute);
  return prefixes.filter((prefix) => !covering.some((wide) => contains(wide, prefix)));
}

/** The kernel adds the route of an address's network; a single IPv4 address has none. */
function makesRoute({ address, prefixLength }: Prefix): boolean {
  return address.length === 16 || prefixLength < 32;
}

function routes(destinations: readonly Prefix[], table: number): Step[] {
  return destinations.map((destination) => ({ type: 'add-route', destination, table }));
}

function rules(marked: readonly Prefix[], table: number, facts: HostFacts): Step[] {
  return ([4, 6] as const).flatMap((family): Step[] => {
    if (!marked.some(({ address }) => address.length === (family === 4 ? 4 : 16))) return [];
    const leftOver = leftOverRules(family, table, facts);
    const priorities = [...facts.rulePriorities[family]];
    for (const { priority } of leftOver) {
      const at = priorities.indexOf(priority);
      if (at !== -1) priorities.splice(at, 1);
    }
    const priority = Math.max(lowestPriority(priorities) - 1, 1);
    const byMark = { family, priority, table, notMark: table };
    const mainFirst = {
      family,
      priority: Math.max(priority - 1, 0),
      table: MAIN_TABLE,
      suppressPrefixLength: 0,
    };
    // In this order, so that the local network is reachable at every moment.
    return [
      ...leftOver.map((rule): Step => ({ type: 'delete-rule', rule })),
      { type: 'add-rule', rule: mainFirst },
      { type: 'add-rule', rule: byMark },
    ];
  });
}

/** Each rule to a table without a route, with the one in front of it. */
function leftOverRules(family: 4 | 6, table: number, facts: HostFacts): PolicyRule[] {
  if (facts.usedTables.has(table)) return [];
  const rules = facts.tunnelRules.filter((rule) => rule.family === family);
  return rules
    .filter((rule) => rule.table === table && rule.notMark === table)
    .flatMap((byMark) => {
      const isItsOwn = ({ priority, suppressPrefixLength }: PolicyRule): boolean =>
        suppressPrefixLength !== undefined && priority === byMark.priority - 1;
      return [byMark, ...rules.filter(isItsOwn).slice(0, 1)];
    });
}

/** As the kernel chooses for a rule without one: in front of all but the local table's. */
function lowestPriority(priorities: readonly number[]): number {
  return Math.min(...priorities.filter((priority) => priority > 0), MAIN_RULE_PRIORITY);
}

/** For IPv4 only: IPv6 has no reverse path filter of this kind. */
function sysctls(marked: readonly Prefix[], facts: HostFacts): Step[] {
  if (!marked.some(isIpv4)) return [];
  const loose = facts.strictInterfaces.map((link): Step => ({ type: 'loosen-filter', link }));
  if (facts.srcValidMark) return loose;
  const name = 'net.ipv4.conf.all.src_valid_mark';
  return [{ type: 'set-sysctl', name, value: '1' }, ...loose];
}

function isIpv4({ address }: Prefix): boolean {
  return address.length === 4;
}

function freeTable(used: ReadonlySet<number>): number {
  let table = FIRST_TABLE;
  while (used.has(table)) table++;
  return table;
}

/** 80 bytes is what the outer IPv6, UDP and WireGuard headers take. */
function tunnelMtu(outerMtu: number | undefined, addresses: readonly Prefix[]): number {
  const hasIpv6 = addresses.some(({ address }) => address.length === 16);
  const least = hasIpv6 ? MINIMUM_MTU_IPV6 : MINIMUM_MTU_IPV4;
  return Math.min(Math.max((outerMtu || DEFAULT_OUTER_MTU) - OVERHEAD, least), MAXIMUM_MTU);
}

const FIRST_TABLE = 51820;
const MAIN_RULE_PRIORITY = 32766;
const DEFAULT_OUTER_MTU = 1500;
const OVERHEAD = 80;
const MINIMUM_MTU_IPV4 = 68;
export const MINIMUM_MTU_IPV6 = 1280;
/** Largest inner packet: an outer UDP datagram holds 65,507 bytes. */
export const MAXIMUM_MTU = 65456;
