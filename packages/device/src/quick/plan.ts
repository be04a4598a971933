/**
 * `planTunnel`: computes the steps that bring a tunnel up, as a pure function of the request and of
 * facts about the host. Order and routing are those of wg-quick.
 *
 * A default route through the tunnel cannot simply be added, because the outer datagrams would go
 * into the tunnel too. So the route goes into a table of its own, and rules apply that table to
 * packets that have no better route:
 *
 * ```
 *   prio  n-1  from all             lookup main, but not its default route
 *   prio  n    not fwmark TABLE     lookup TABLE          (the tunnel)
 *   prio  32766                     lookup main           (marked packets: our own datagrams)
 * ```
 *
 * The same is done for every other prefix that contains a peer's endpoint; wg-quick leaves that to
 * the user.
 *
 * A strict reverse path filter drops a packet if a packet to its sender would leave through another
 * interface. It would drop all datagrams from the endpoint: they arrive without the mark, so the
 * filter looks up the route to the endpoint without the mark, and by the rules above that route
 * leads into the tunnel. wg-quick solves this with a firewall rule that sets the mark on arriving
 * datagrams, and with src_valid_mark, which makes the filter respect marks. Litz uses no firewall.
 * It makes the filter of the interface towards the endpoint loose, which is needed whether
 * src_valid_mark is set or not. It also sets src_valid_mark, where that is possible, for users
 * whose own rules set marks.
 *
 * wg-quick also makes a firewall rule that drops packets from neighbours to the tunnel's own
 * address. Litz does not.
 *
 * When a process is killed, its interface and routes disappear, but not its rules. The rules have
 * no effect, because their table is empty. The next tunnel that uses the same table deletes them.
 * Rules of other programs stay, even if they look the same: `HostFacts.tunnelRules` has only rules
 * that Litz made. If a killed tunnel left a filter loose, the next tunnel restores the filter at
 * once. If the next tunnel needs the loose filter itself, it restores the filter when it goes down.
 *
 * @module
 */
import type { DnsSettings } from './dns-settings.ts';
import { contains, masked, type Prefix } from './prefix.ts';
import { MAIN_TABLE, type HookTime, type PolicyRule, type Step } from './step.ts';

/** The tunnel to bring up. */
export interface TunnelRequest {
  readonly name: string;
  readonly addresses: readonly Prefix[];
  /** undefined: computed from the route to the endpoints. */
  readonly mtu: number | undefined;
  /**
   * 'auto': the main table, and a separate table for prefixes that would catch our own datagrams.
   */
  readonly table: 'auto' | 'off' | number;
  /** Mark of the outer datagrams; 0: none. */
  readonly mark: number;
  /**
   * Prefixes of each peer, in order. If several peers have the same prefix, it belongs to the last
   * one.
   */
  readonly allowedIps: readonly (readonly Prefix[])[];
  /** The resolved addresses of the peers' endpoints. */
  readonly endpoints: readonly Uint8Array[];
  /** Default: the resolver stays as it is. */
  readonly dns?: DnsSettings;
  /** Commands for bash, in order. Default: none. */
  readonly hooks?: TunnelHooks;
}

/** The hooks of a tunnel: commands for bash, in order. */
export interface TunnelHooks {
  readonly preUp: readonly string[];
  readonly postUp: readonly string[];
  readonly preDown: readonly string[];
  readonly postDown: readonly string[];
}

/** Facts about the host that a plan depends on. */
export interface HostFacts {
  /**
   * The largest MTU of the routes to the endpoints. If there is no route to any endpoint: the MTU
   * of the default route. Undefined: there is no default route either.
   */
  readonly outerMtu: number | undefined;
  /** The tables that have a route. */
  readonly usedTables: ReadonlySet<number>;
  /** The priorities of the rules, for IPv4 and IPv6. */
  readonly rulePriorities: { readonly 4: readonly number[]; readonly 6: readonly number[] };
  /** The rules that Litz tunnels made, in one of the two forms that `planTunnel` makes. */
  readonly tunnelRules: readonly PolicyRule[];
  /** Whether net.ipv4.conf.all.src_valid_mark is set. */
  readonly srcValidMark: boolean;
  /**
   * The interfaces whose reverse path filter this tunnel needs loose: those that lead to an IPv4
   * endpoint and have a strict filter, and those that other tunnels have made loose. Without this
   * tunnel, the latter would become strict again when the other tunnels end.
   */
  readonly strictInterfaces: readonly string[];
  /** Interfaces whose filter is loose only for tunnels that no longer exist. */
  readonly leftOverFilters: readonly string[];
}

/** Returns the steps in the order in which they must be carried out. */
export function planTunnel(request: TunnelRequest, facts: HostFacts): Step[] {
  return [
    ...hookSteps('PreUp', request.hooks?.preUp),
    ...planLink(request, facts),
    ...hookSteps('PostUp', request.hooks?.postUp),
  ];
}

/** Returns a step for each hook. */
export function hookSteps(when: HookTime, commands: readonly string[] = []): Step[] {
  return commands.map((command) => ({ type: 'run-hook', when, command }));
}

function planLink(request: TunnelRequest, facts: HostFacts): Step[] {
  const destinations = sortedDestinations(request.allowedIps);
  const marked = request.table === 'auto' ? destinations.filter(catchesOwnDatagrams(request)) : [];
  const table = marked.length > 0 ? request.mark || freeTable(facts.usedTables) : 0;
  const steps: Step[] = [
    { type: 'create-link', name: request.name },
    { type: 'configure', peers: request.allowedIps.length, mark: request.mark || table },
    ...request.addresses.map((address): Step => ({ type: 'add-address', address })),
    { type: 'set-up', mtu: request.mtu ?? tunnelMtu(facts.outerMtu, request.addresses) },
  ];
  // As with wg-quick, search domains without a server set nothing.
  if (request.dns && request.dns.servers.length > 0) {
    steps.push({ type: 'set-dns', dns: request.dns });
  }
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

/**
 * Returns a function that tells whether a route for a prefix would also catch our own datagrams.
 */
function catchesOwnDatagrams(request: TunnelRequest): (prefix: Prefix) => boolean {
  return (prefix) =>
    prefix.prefixLength === 0 ||
    request.endpoints.some((address) => contains(prefix, { address, prefixLength: 128 }));
}

/**
 * Returns each prefix once. The longest prefixes come first, as in wg-quick. Prefixes of one length
 * are in the order of the file.
 */
function sortedDestinations(allowedIps: TunnelRequest['allowedIps']): Prefix[] {
  const byText = new Map<string, Prefix>();
  for (const destination of allowedIps.flat().map(masked)) {
    byText.set(`${destination.address.join('.')}/${destination.prefixLength}`, destination);
  }
  return [...byText.values()].sort((a, b) => b.prefixLength - a.prefixLength);
}

/** Leaves out prefixes that the interface's own routes already lead into the tunnel. */
function withoutCovered(prefixes: readonly Prefix[], addresses: readonly Prefix[]): Prefix[] {
  const covering = addresses.filter(makesRoute);
  return prefixes.filter((prefix) => !covering.some((wide) => contains(wide, prefix)));
}

/**
 * Whether the kernel adds a route for the network of an address. It adds none for a single IPv4
 * address.
 */
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
    // `mainFirst` is added before `byMark`. In the other order, packets to the local network would
    // go into the tunnel for a moment.
    return [
      ...leftOver.map((rule): Step => ({ type: 'delete-rule', rule })),
      { type: 'add-rule', rule: mainFirst },
      { type: 'add-rule', rule: byMark },
    ];
  });
}

/**
 * Returns the rules that killed tunnels left for this table, each with the rule in front of it.
 * Returns none if the table has routes, because a running tunnel then uses the table.
 */
function leftOverRules(family: 4 | 6, table: number, facts: HostFacts): PolicyRule[] {
  if (facts.usedTables.has(table)) return [];
  const rules = facts.tunnelRules.filter((rule) => rule.family === family);
  return rules
    .filter((rule) => rule.table === table && rule.notMark === table)
    .flatMap((byMark) => {
      const belongsToIt = ({ priority, suppressPrefixLength }: PolicyRule): boolean =>
        suppressPrefixLength !== undefined && priority === byMark.priority - 1;
      return [byMark, ...rules.filter(belongsToIt).slice(0, 1)];
    });
}

/**
 * Returns the lowest priority of all rules except the rule of the local table, which has priority
 * 0. wg-quick adds its rules without a priority, and the kernel then places each of them directly
 * in front of the rule that has the lowest priority. Litz puts its rules in the same place.
 */
function lowestPriority(priorities: readonly number[]): number {
  return Math.min(...priorities.filter((priority) => priority > 0), MAIN_RULE_PRIORITY);
}

/** Returns the steps for the reverse path filter. IPv6 has no such filter. */
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

/**
 * Returns the MTU of the tunnel. The headers of IPv6, UDP and WireGuard, and the tag, take 80 bytes
 * together.
 */
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
/** Smallest MTU in bytes of a link with IPv6 (RFC 8200, section 5). */
export const MINIMUM_MTU_IPV6 = 1280;
/**
 * The largest MTU of a tunnel in bytes. With padding and the 32 bytes of WireGuard, a packet of
 * this size fits into a UDP datagram over IPv4, which holds 65,507 bytes.
 */
export const MAXIMUM_MTU = 65456;
