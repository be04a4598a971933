/**
 * `KernelState`: the tunnel's interface, the mesh's routes and the mesh's rules in the kernel. It
 * reads them once, and then follows the kernel's notifications.
 *
 * @module
 */
import type { Netlink, RoutingChange, RoutingMonitor } from '@litz/sys';
import type { ActualLink } from '../plan/actual-host.ts';
import type { DesiredHost, RoutingNumbers } from '../plan/desired-host.ts';
import type { MeshRoute } from '../plan/mesh-route.ts';
import type { MeshRule } from '../plan/mesh-rule.ts';
import { fromRoute, fromRule } from './to-kernel.ts';
import type { WantedRoutes } from './wanted-routes.ts';

export interface KernelStateOptions {
  readonly netlink: Netlink;
  readonly monitor: RoutingMonitor;
  readonly interfaceName: string;
  readonly numbers: RoutingNumbers;
  /**
   * The desired routes. If a route of the kernel may differ from the desired route, `KernelState`
   * notes its key in this object.
   */
  readonly wanted: WantedRoutes;
  /** `forget` is called when the reverse path filter of a link may have changed. */
  readonly filters: { forget(): void };
  /** Reads a parameter under /proc/sys of the host's namespace; undefined if it does not exist. */
  readonly sysctl: (name: string) => string | undefined;
}

export class KernelState {
  readonly #options: KernelStateOptions;
  #link: ActualLink | undefined = undefined;
  #routes: Map<string, MeshRoute> = new Map();
  #rules: Map<string, MeshRule> = new Map();

  constructor(options: KernelStateOptions) {
    this.#options = options;
    this.resynchronize();
  }

  /** The tunnel's interface; undefined while there is none. */
  get link(): ActualLink | undefined {
    return this.#link;
  }

  /** All routes of the mesh's table, by key. */
  get routes(): ReadonlyMap<string, MeshRoute> {
    return this.#routes;
  }

  /** The rules of the mesh, by text. */
  get rules(): ReadonlyMap<string, MeshRule> {
    return this.#rules;
  }

  /** Discards the notifications and reads everything from the kernel again. */
  resynchronize(): void {
    this.#options.monitor.read();
    this.#options.filters.forget();
    this.#readLink();
    this.#readRoutes();
    this.#rules = new Map();
    for (const rule of this.#options.netlink.rules()) {
      const ours = fromRule(rule, this.#options.numbers);
      if (ours) this.#rules.set(ours.text, ours);
    }
  }

  /**
   * Processes the notifications since the last call. The agent's own changes are among them.
   *
   * @returns whether the kernel's state may differ from the desired one
   */
  update(desired: DesiredHost | undefined): boolean {
    const changes = this.#options.monitor.read();
    if (!changes) {
      this.resynchronize();
      return true;
    }
    let touchesLink = false;
    let differs = false;
    // A link that was replaced or renamed may have another filter, without a notification of type
    // "filter".
    if (changes.some(({ type }) => type === 'filter' || type === 'link')) {
      this.#options.filters.forget();
    }
    for (const change of changes) {
      if (this.#isOfLink(change)) touchesLink = true;
      else if (change.type === 'route') differs = this.#route(change) || differs;
      else if (change.type === 'rule') differs = this.#rule(change, desired) || differs;
      else if (change.type === 'filter') differs = isStrict(change, desired) || differs;
    }
    if (touchesLink) {
      this.#readLink();
      // When a link or an address goes, the kernel removes routes without a notification for each.
      this.#readRoutes();
    }
    return differs || touchesLink;
  }

  #isOfLink(change: RoutingChange): boolean {
    if (change.type === 'link') {
      const { name, index } = change.link;
      return name === this.#options.interfaceName || index === this.#link?.index;
    }
    if (change.type === 'filter') {
      return change.filter.interfaceIndex === this.#link?.index;
    }
    return change.type === 'address' && change.address.interfaceIndex === this.#link?.index;
  }

  #route({ gone, route }: RoutingChange & { type: 'route' }): boolean {
    const { wanted } = this.#options;
    const ours = this.#shared(fromRoute(route, this.#link?.index));
    const { key } = ours;
    if (!gone) this.#routes.set(key, ours);
    else if (this.#routes.get(key)?.text === ours.text) this.#routes.delete(key);
    if (wanted.byKey.get(key)?.text === this.#routes.get(key)?.text) return false;
    wanted.suspect(key);
    return true;
  }

  #rule(
    { gone, rule }: RoutingChange & { type: 'rule' },
    desired: DesiredHost | undefined,
  ): boolean {
    const ours = fromRule(rule, this.#options.numbers);
    if (!ours) return false;
    if (gone) this.#rules.delete(ours.text);
    else this.#rules.set(ours.text, ours);
    return desired?.rules.has(ours.text) === gone;
  }

  #readLink(): void {
    const { netlink, interfaceName, sysctl } = this.#options;
    const link = netlink.linkByName(interfaceName);
    if (!link) {
      this.#link = undefined;
      return;
    }
    const filter = sysctl(`net/ipv4/conf/${interfaceName}/rp_filter`);
    const generation = sysctl(`net/ipv6/conf/${interfaceName}/addr_gen_mode`);
    this.#link = {
      index: link.index,
      up: link.up,
      mtu: link.mtu,
      prepared: (filter ?? '2') === '2' && (generation ?? '1') === '1',
      addresses: netlink
        .addresses(link.index)
        .filter(({ scope }) => scope === RT_SCOPE_UNIVERSE)
        .map(({ address, prefixLength }) => ({ address, prefixLength })),
    };
  }

  #readRoutes(): void {
    const { netlink, numbers, wanted } = this.#options;
    this.#routes = new Map();
    // Each route is converted while the table is read, because `#shared` replaces most routes by an
    // object that exists already.
    const routes = netlink.tableRoutes(numbers.table, (route) =>
      this.#shared(fromRoute(route, this.#link?.index)),
    );
    for (const route of routes) this.#addRoute(route);
    wanted.suspectAll();
  }

  /**
   * If several routes have one key, the kernel uses the first route, which may be another
   * program's. So these routes become one entry with a joined text, which is equal to no desired
   * text.
   */
  #addRoute(ours: MeshRoute): void {
    const other = this.#routes.get(ours.key);
    const route = other ? { ...ours, text: `${other.text}, ${ours.text}` } : ours;
    this.#routes.set(ours.key, route);
  }

  /**
   * Returns the object of the desired route if its text is equal to the text of `route`. One object
   * instead of two saves memory.
   */
  #shared(route: MeshRoute): MeshRoute {
    const wanted = this.#options.wanted.byKey.get(route.key);
    return wanted?.text === route.text ? wanted : route;
  }
}

/**
 * Whether a filter that has to be loose may have become strict: a filter was set to 1, or `all` or
 * `default` changed.
 */
function isStrict(
  { filter }: RoutingChange & { type: 'filter' },
  desired: DesiredHost | undefined,
): boolean {
  const isAlike = filter.interfaceIndex > 0 && filter.reversePathFilter !== 1;
  return !isAlike && desired !== undefined && desired.looseLinks.length > 0;
}

/** Scope of addresses that are valid everywhere; link-local ones have another scope. */
const RT_SCOPE_UNIVERSE = 0;
