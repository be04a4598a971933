/**
 * `LinuxHost`: the local machine, through rtnetlink and /proc/sys, in the network namespace of the
 * calling thread.
 *
 * @module
 */
import { statSync } from 'node:fs';
import type * as Sys from '@litz/sys';
import type { InstalledRoute, InstalledRule, Netlink, RouteTo, Rule } from '@litz/sys';
import { WireGuardError } from '@litz/core';
import type { DnsSettings } from './dns-settings.ts';
import type { Host } from './host.ts';
import type { HostFacts } from './plan.ts';
import type { Prefix } from './prefix.ts';
import { Resolver, systemPlaces } from './resolver.ts';
import { runHook, type HookOptions } from './run-hook.ts';
import { MAIN_TABLE, type PolicyRule } from './step.ts';

/**
 * The machine that a tunnel is brought up on. The methods are described in `Host`. They throw
 * `SystemError` with the name of the errno, or a `WireGuardError` if an interface is gone.
 */
export class LinuxHost implements Host {
  readonly #sys: typeof Sys;
  readonly #netlink: Netlink;
  readonly #looseFilters: Sys.LooseFilters;
  readonly #resolver: Resolver;

  /**
   * Opens the host.
   *
   * @param options.runtimeFolder the folder in which tunnels record what other tunnels must know.
   *   It must be empty after a boot, as /run is. Default: /run/litz
   * @throws {WireGuardError} (rejects) `ERR_LITZ_UNSUPPORTED_PLATFORM`, `ERR_LITZ_FFI_MISSING`
   */
  static async open(options: { readonly runtimeFolder?: string } = {}): Promise<LinuxHost> {
    return new LinuxHost(await import('@litz/sys'), options.runtimeFolder ?? RUNTIME_FOLDER);
  }

  private constructor(sys: typeof Sys, runtimeFolder: string) {
    this.#sys = sys;
    this.#netlink = new sys.Netlink();
    this.#looseFilters = new sys.LooseFilters(runtimeFolder, {
      hasLink: (name) => this.hasLink(name),
      filter: (link) => this.#sysctl(filterOf(link)),
      setFilter: (link, value) => sys.writeSysctl(filterOf(link), value),
      namespace: () => String(statSync('/proc/thread-self/ns/net').ino),
    });
    this.#resolver = new Resolver(systemPlaces(runtimeFolder), (path) => waitForLock(sys, path));
  }

  hasLink(name: string): boolean {
    return this.#netlink.linkByName(name) !== undefined;
  }

  facts(endpoints: readonly Uint8Array[]): HostFacts {
    const routes = this.#netlink.routes();
    const rules = this.#netlink.rules();
    const priorities = (family: 4 | 6): number[] =>
      rules.filter((rule) => rule.family === family).map((rule) => rule.priority);
    return {
      outerMtu: this.#outerMtu(endpoints, routes),
      usedTables: new Set(routes.map((route) => route.table)),
      rulePriorities: { 4: priorities(4), 6: priorities(6) },
      tunnelRules: rules.flatMap((rule) => toPolicyRule(rule) ?? []),
      srcValidMark: this.#sysctl('net.ipv4.conf.all.src_valid_mark') === '1',
      strictInterfaces: this.#strictInterfaces(endpoints),
      leftOverFilters: this.#looseFilters.leftOver(),
    };
  }

  addAddress(link: string, { address, prefixLength }: Prefix): void {
    this.#netlink.addAddress(this.#index(link), { address, prefixLength });
  }

  setUp(link: string, mtu: number): void {
    this.#netlink.setLink(this.#index(link), { mtu, up: true });
  }

  isUsable(link: string): boolean {
    const index = this.#index(link);
    // While an address is tentative, the kernel chooses other source addresses and drops packets to
    // this address.
    const addresses = this.#netlink.addresses(index);
    const { running } = this.#netlink.linkByIndex(index) ?? {};
    return running === true && !addresses.some(({ tentative }) => tentative);
  }

  addRoute(link: string, { address, prefixLength }: Prefix, table: number): void {
    const interfaceIndex = this.#index(link);
    this.#netlink.addRoute({ destination: address, prefixLength, interfaceIndex, table });
  }

  deleteAddress(link: string, { address, prefixLength }: Prefix): void {
    ignoring('EADDRNOTAVAIL', () =>
      this.#netlink.deleteAddress(this.#index(link), { address, prefixLength }),
    );
  }

  deleteRoute(link: string, { address, prefixLength }: Prefix, table: number): void {
    const interfaceIndex = this.#index(link);
    ignoring('ESRCH', () =>
      this.#netlink.deleteRoute({ destination: address, prefixLength, interfaceIndex, table }),
    );
  }

  /**
   * Returns the addresses of an interface, without the link-local ones, which the kernel adds
   * itself.
   */
  addresses(link: string): Prefix[] {
    return this.#netlink
      .addresses(this.#index(link))
      .filter(({ address }) => !isLinkLocal(address))
      .map(({ address, prefixLength }) => ({ address, prefixLength }));
  }

  /** Returns the MTU of an interface in bytes; undefined if there is no such interface. */
  mtu(link: string): number | undefined {
    return this.#netlink.linkByName(link)?.mtu;
  }

  addRule(rule: PolicyRule): void {
    this.#netlink.addRule(toRule(rule));
  }

  deleteRule(rule: PolicyRule): void {
    ignoring('ENOENT', () => this.#netlink.deleteRule(toRule(rule)));
  }

  loosenFilter(link: string, tunnel: string): void {
    this.#looseFilters.loosen(link, tunnel);
  }

  restoreFilter(link: string, tunnel: string): void {
    this.#looseFilters.restore(link, tunnel);
  }

  setSysctl(name: string, value: string): void {
    if (this.#sys.readSysctl(name) !== value) this.#sys.writeSysctl(name, value);
  }

  setDns(tunnel: string, dns: DnsSettings): void {
    this.#resolver.set(tunnel, dns);
  }

  restoreDns(tunnel: string): string | undefined {
    return this.#resolver.restore(tunnel);
  }

  /**
   * Undoes the changes of DNS servers that killed processes have left.
   *
   * @returns lines for the user
   */
  restoreLeftOverDns(): string[] {
    return this.#resolver.restoreLeftOver();
  }

  /**
   * Restores the filters that killed processes have left loose.
   *
   * @returns the names of the interfaces
   */
  restoreLeftOverFilters(): string[] {
    const links = this.#looseFilters.leftOver();
    for (const link of links) this.#looseFilters.restore(link, '');
    return links;
  }

  runHook(
    command: string,
    options: HookOptions & { readonly signal?: AbortSignal },
  ): Promise<void> {
    return runHook(command, options);
  }

  close(): void {
    this.#netlink.close();
  }

  #index(link: string): number {
    const found = this.#netlink.linkByName(link);
    if (!found) throw new WireGuardError('ERR_LITZ_SYSTEM', `interface ${link} is gone: ENODEV`);
    return found.index;
  }

  /**
   * Returns the MTU as wg-quick does: the largest MTU of the routes to the endpoints; if there is
   * no route to any endpoint, the MTU of the default route.
   */
  #outerMtu(
    endpoints: readonly Uint8Array[],
    routes: readonly InstalledRoute[],
  ): number | undefined {
    const towards = endpoints.map((address) => this.#routeTo(address));
    const mtus = towards.flatMap((route) => (route ? [this.#routeMtu(route)] : []));
    if (mtus.length > 0) return Math.max(...mtus);
    const main = routes.filter((route) => route.table === MAIN_TABLE && route.prefixLength === 0);
    const best = main.filter((route) => route.interfaceIndex !== 0).sort(byMetric)[0];
    return best && this.#routeMtu(best);
  }

  #routeMtu(route: { mtu?: number; interfaceIndex: number }): number {
    return route.mtu ?? this.#netlink.linkByIndex(route.interfaceIndex)?.mtu ?? 0;
  }

  #routeTo(address: Uint8Array): RouteTo | undefined {
    try {
      return this.#netlink.routeTo(address);
    } catch {
      // The route prohibits or drops packets. That is a fact about the host, not a failure.
      return undefined;
    }
  }

  #strictInterfaces(endpoints: readonly Uint8Array[]): string[] {
    const links = endpoints
      .filter((address) => address.length === 4)
      .map((address) => {
        const route = this.#routeTo(address);
        return route && this.#netlink.linkByIndex(route.interfaceIndex)?.name;
      });
    const strict = links.filter((name) => name !== undefined && this.#isStrict(name));
    // Interfaces whose filter another tunnel loosened are included. This tunnel's datagrams may
    // pass through the other tunnel at first. When that tunnel has ended, they pass directly
    // through such an interface.
    return [...new Set([...strict, ...this.#looseFilters.loosened()])] as string[];
  }

  /**
   * The larger of the values for `all` and for the interface applies
   * (Documentation/networking/ip-sysctl: 1 strict, 2 loose).
   */
  #isStrict(link: string): boolean {
    const values = ['all', link].map((name) => this.#sysctl(filterOf(name)));
    return Math.max(...values.map(Number)) === 1;
  }

  /**
   * Returns the value of a setting; undefined if the setting does not exist, as in some containers.
   */
  #sysctl(name: string): string | undefined {
    try {
      return this.#sys.readSysctl(name);
    } catch {
      return undefined;
    }
  }
}

function ignoring(errno: string, run: () => void): void {
  try {
    run();
  } catch (error) {
    if ((error as { errno?: unknown }).errno !== errno) throw error;
  }
}

/** fe80::/10 */
function isLinkLocal(address: Uint8Array): boolean {
  return address.length === 16 && address[0] === 0xfe && (address[1]! & 0xc0) === 0x80;
}

/**
 * Takes a lock. If another process holds it, waits for that process, for `LONGEST_LOCK_MS` at most.
 */
function waitForLock(sys: typeof Sys, path: string): Sys.FileLock {
  for (let waitedMs = 0; ; waitedMs += LOCK_INTERVAL_MS) {
    try {
      // The file stays empty, because text cannot be written on a full disk.
      return sys.FileLock.take(path, '');
    } catch (error) {
      if (!(error instanceof sys.FileLockedError) || waitedMs >= LONGEST_LOCK_MS) throw error;
      // This blocks the thread, because the function also runs while the process exits.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOCK_INTERVAL_MS);
    }
  }
}

function filterOf(link: string): string {
  return `net/ipv4/conf/${link}/rp_filter`;
}

/**
 * Returns the rule if a Litz tunnel made it; undefined for any other rule, even if it looks the
 * same.
 */
function toPolicyRule(rule: InstalledRule): PolicyRule | undefined {
  const { family, priority, table, mark, markMask, invert = false, suppressPrefixLength } = rule;
  if (!rule.toTable || rule.protocol !== RULE_PROTOCOL) return undefined;
  const isMainFirst = mark === undefined && table === MAIN_TABLE && suppressPrefixLength === 0;
  if (isMainFirst && !invert) return { family, priority, table, suppressPrefixLength };
  const isWhole = markMask === undefined || markMask === ALL_BITS;
  const isByMark = invert && isWhole && mark === table && suppressPrefixLength === undefined;
  return isByMark ? { family, priority, table, notMark: mark } : undefined;
}

function toRule({ family, priority, table, notMark, suppressPrefixLength }: PolicyRule): Rule {
  return {
    family,
    priority,
    table,
    protocol: RULE_PROTOCOL,
    ...(notMark === undefined ? {} : { mark: notMark, invert: true }),
    ...(suppressPrefixLength === undefined ? {} : { suppressPrefixLength }),
  };
}

function byMetric(a: InstalledRoute, b: InstalledRoute): number {
  return a.metric - b.metric;
}

const RUNTIME_FOLDER = '/run/litz';
/**
 * Marks a rule as made by Litz. The number is the code of the letter L; the kernel's RTPROT_* and
 * iproute2's rt_protos do not use it. All kernels that Node.js runs on store the number with the
 * rule (since Linux 4.17).
 */
const RULE_PROTOCOL = 76;
const ALL_BITS = 0xffff_ffff;
const LOCK_INTERVAL_MS = 10;
/** In ms. The other process may wait for two programs that it runs, 10 s each. */
const LONGEST_LOCK_MS = 25_000;
