/**
 * `WantedRoutes`: the desired routes, and the keys at which they may differ from the kernel's
 * routes.
 *
 * If one of 5,000 peers changes, only the routes of that peer are compared. If the difference from
 * the earlier routes is known, only the routes in the difference are read. If the difference is not
 * known, all routes are read, and routes that are the same objects as before are skipped.
 *
 * @module
 */
import type { DesiredRoutes } from '../plan/desired-host.ts';
import type { MeshRoute } from '../plan/mesh-route.ts';

export class WantedRoutes {
  #routes: DesiredRoutes['routes'] = [];
  readonly #byKey: Map<string, MeshRoute> = new Map();
  #suspects: Set<string> | 'all' = 'all';

  /** The desired routes, by key. */
  get byKey(): ReadonlyMap<string, MeshRoute> {
    return this.#byKey;
  }

  /** Keys of the routes that may differ; `all` after all routes were read from the kernel. */
  get suspects(): ReadonlySet<string> | 'all' {
    return this.#suspects;
  }

  /** Sets the desired routes. Added and removed routes become suspects. */
  want({ routes, difference }: DesiredRoutes): void {
    if (routes === this.#routes) return;
    if (difference && difference.from === this.#routes) {
      for (const list of difference.removed) this.#forget(list);
      for (const list of difference.added) this.#add(list);
    } else {
      this.#replace(routes);
    }
    this.#routes = routes;
  }

  /** Notes that the route with this key may differ. */
  suspect(key: string): void {
    if (this.#suspects !== 'all') this.#suspects.add(key);
  }

  /** Notes that all routes may differ. */
  suspectAll(): void {
    this.#suspects = 'all';
  }

  /** Empties `suspects`, after a plan compared them and found no difference. */
  clear(): void {
    this.#suspects = new Set();
  }

  #replace(lists: DesiredRoutes['routes']): void {
    const after = new Set<MeshRoute>();
    for (const list of lists) for (const route of list) after.add(route);
    const gone = [...this.#byKey.values()].filter((route) => !after.has(route));
    // Routes that are gone are forgotten before new routes are added, because a prefix may have
    // moved from one peer to another.
    this.#forget(gone);
    this.#add([...after].filter((route) => this.#byKey.get(route.key) !== route));
  }

  #forget(list: readonly MeshRoute[]): void {
    for (const { key } of list) {
      this.#byKey.delete(key);
      this.suspect(key);
    }
  }

  #add(list: readonly MeshRoute[]): void {
    for (const route of list) {
      this.#byKey.set(route.key, route);
      this.suspect(route.key);
    }
  }
}
