/**
 * `WantedRoutes`: the routes that are desired, and which of them may not be as they are in the kernel.
 *
 * Of 5,000 peers one changes: where it is said which lists came and went, the others are not looked at;
 * else those that are the same objects as before are passed over.
 *
 * @module
 */
import type { DesiredRoutes } from '../plan/desired-host.ts';
import type { MeshRoute } from '../plan/mesh-route.ts';

export class WantedRoutes {
  #routes: DesiredRoutes['routes'] = [];
  readonly #byKey: Map<string, MeshRoute> = new Map();
  #suspects: Set<string> | 'all' = 'all';

  get byKey(): ReadonlyMap<string, MeshRoute> {
    return this.#byKey;
  }

  /** Keys that have to be compared; `all` after everything was read anew. */
  get suspects(): ReadonlySet<string> | 'all' {
    return this.#suspects;
  }

  want({ routes, difference }: DesiredRoutes): void {
    if (routes === this.#routes) return;
    if (difference && difference.from === this.#routes) {
      for (const list of difference.gone) this.#forget(list);
      for (const list of difference.come) this.#add(list);
    } else {
      const [before, after] = [new Set(this.#routes), new Set(routes)];
      // Gone ones first: a prefix may have gone from one peer to another.
      for (const list of before) if (!after.has(list)) this.#forget(list);
      for (const list of after) if (!before.has(list)) this.#add(list);
    }
    this.#routes = routes;
  }

  suspect(key: string): void {
    if (this.#suspects !== 'all') this.#suspects.add(key);
  }

  suspectAll(): void {
    this.#suspects = 'all';
  }

  /** They have been compared, and a plan was made of it. */
  clear(): void {
    this.#suspects = new Set();
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
