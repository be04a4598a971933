/**
 * `LinkFilters`: makes the reverse path filters of links loose for the mesh, and restores them
 * later. It keeps the values that it read from the kernel until `forget` is called, because reading
 * them costs more than the rest of a round.
 *
 * @module
 */
import { LooseFilters, type Netlink } from '@litz/sys';

export interface LinkFiltersOptions {
  readonly netlink: Netlink;
  /** Name of the tunnel's interface. The saved values are kept under this name. */
  readonly interfaceName: string;
  /** Folder for the former values of the filters. */
  readonly folder: string;
  /** Reads a parameter under /proc/sys of the host's namespace; undefined if it does not exist. */
  readonly sysctl: (name: string) => string | undefined;
  /** Returns an identifier of the network namespace. */
  readonly namespace: () => string;
}

export class LinkFilters {
  readonly #options: LinkFiltersOptions;
  readonly #filters: LooseFilters;
  /** Links that this object made loose, also those whose former value could not be saved. */
  readonly #loosened: Set<string> = new Set();
  /** What `loosened` returned last; undefined: it must be read again. */
  #read: Set<string> | undefined = undefined;
  /** What `isStrict` returned for each link. */
  readonly #strict: Map<string, boolean> = new Map();

  constructor(options: LinkFiltersOptions) {
    this.#options = options;
    const { netlink, interfaceName, folder, sysctl, namespace } = options;
    this.#filters = new LooseFilters(folder, {
      // Filters that are loose for the tunnel stay loose while the daemon restarts and the tunnel's
      // interface is missing.
      hasLink: (name) => name === interfaceName || netlink.linkByName(name) !== undefined,
      filter: (link) => sysctl(filterOf(link)),
      setFilter: (link, value) => setFilter(netlink, link, value),
      namespace,
    });
  }

  /**
   * Discards the values that were read, so that `loosened` and `isStrict` read them again. Must be
   * called when the kernel reports a change.
   */
  forget(): void {
    this.#read = undefined;
    this.#strict.clear();
  }

  /** Names of the links whose filter this agent or an earlier agent has made loose. */
  loosened(): ReadonlySet<string> {
    this.#read ??= new Set([
      ...this.#filters.loosenedFor(this.#options.interfaceName),
      ...this.#loosened,
    ]);
    return this.#read;
  }

  /**
   * Whether the link's filter is strict. The kernel uses the larger of the values for `all` and for
   * the link: 0 is off, 1 strict, 2 loose.
   */
  isStrict(link: string): boolean {
    const known = this.#strict.get(link);
    if (known !== undefined) return known;
    const { sysctl } = this.#options;
    const own = sysctl(filterOf(link));
    const isStrict =
      own !== undefined && Math.max(Number(own), Number(sysctl(filterOf('all')))) === 1;
    this.#strict.set(link, isStrict);
    return isStrict;
  }

  /**
   * Saves the link's value and makes its filter loose.
   *
   * @throws {SystemError} the kernel refused the value
   */
  loosen(link: string): void {
    this.forget();
    this.#filters.loosen(link, this.#options.interfaceName);
    this.#loosened.add(link);
  }

  /**
   * Sets the filter to the saved value.
   *
   * @throws {SystemError} the kernel refused the value
   */
  restore(link: string): void {
    this.forget();
    this.#loosened.delete(link);
    this.#filters.restore(link, this.#options.interfaceName);
  }
}

/** Uses netlink, because a container with CAP_NET_ADMIN alone can't write to /proc/sys. */
function setFilter(netlink: Netlink, link: string, value: string): void {
  const index = netlink.linkByName(link)?.index;
  if (index === undefined) return;
  netlink.setLink(index, { reversePathFilter: value === '2' ? 2 : value === '1' ? 1 : 0 });
}

function filterOf(link: string): string {
  return `net/ipv4/conf/${link}/rp_filter`;
}
