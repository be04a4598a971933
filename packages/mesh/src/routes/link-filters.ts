/**
 * `LinkFilters`: reverse path filters of the links that the mesh needs loose.
 *
 * @module
 */
import { LooseFilters, type Netlink } from '@litz/sys';

export interface LinkFiltersOptions {
  readonly netlink: Netlink;
  /** Of the tunnel: in its name filters are loose. */
  readonly interfaceName: string;
  /** What filters were before is written down here. */
  readonly folder: string;
  /** A parameter under /proc/sys of that namespace; undefined where there is none. */
  readonly sysctl: (name: string) => string | undefined;
  /** Names the network namespace. */
  readonly namespace: () => string;
}

export class LinkFilters {
  readonly #options: LinkFiltersOptions;
  readonly #filters: LooseFilters;
  /** Also those that could not be written down. */
  readonly #loosened: Set<string> = new Set();

  constructor(options: LinkFiltersOptions) {
    this.#options = options;
    const { netlink, interfaceName, folder, sysctl, namespace } = options;
    this.#filters = new LooseFilters(folder, {
      // Ours is needed also while the daemon is on its way back.
      hasLink: (name) => name === interfaceName || netlink.linkByName(name) !== undefined,
      filter: (link) => sysctl(filterOf(link)),
      setFilter: (link, value) => setFilter(netlink, link, value),
      namespace,
    });
  }

  /** Those that are loose for the mesh, also since an agent before this one. */
  loosened(): Set<string> {
    const written = this.#filters.loosenedFor(this.#options.interfaceName);
    return new Set([...written, ...this.#loosened]);
  }

  /** The larger of the two values holds: 1 is strict, 2 loose. */
  isStrict(link: string): boolean {
    const { sysctl } = this.#options;
    const own = sysctl(filterOf(link));
    return own !== undefined && Math.max(Number(own), Number(sysctl(filterOf('all')))) === 1;
  }

  /** @throws {SystemError} it can't be set */
  loosen(link: string): void {
    this.#filters.loosen(link, this.#options.interfaceName);
    this.#loosened.add(link);
  }

  /** @throws {SystemError} it can't be set */
  restore(link: string): void {
    this.#loosened.delete(link);
    this.#filters.restore(link, this.#options.interfaceName);
  }
}

/** By netlink: /proc/sys can't be written in a container that has no more than CAP_NET_ADMIN. */
function setFilter(netlink: Netlink, link: string, value: string): void {
  const index = netlink.linkByName(link)?.index;
  if (index === undefined) return;
  netlink.setLink(index, { reversePathFilter: value === '2' ? 2 : value === '1' ? 1 : 0 });
}

function filterOf(link: string): string {
  return `net/ipv4/conf/${link}/rp_filter`;
}
