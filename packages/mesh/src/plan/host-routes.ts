/**
 * `HostRoutes`: the routes for all peers. It keeps them between updates, so that a change of one
 * peer costs only the work for that peer.
 *
 * @module
 */
import type { DesiredRoutes, Enforcement, RoutedPeer } from './desired-host.ts';
import { meshRoute, type MeshRoute } from './mesh-route.ts';
import { lastResort, peerPart, PeerTally, type PeerContext, type PeerPart } from './peer-part.ts';

type Routes = readonly MeshRoute[];

/** The peers that `update` gets. */
export interface RoutedPeers {
  /** The peers, by name. */
  readonly peers: ReadonlyMap<string, RoutedPeer>;
  /** Names of the peers that have had a handshake. */
  readonly answered: ReadonlySet<string>;
  /** Names of the peers that may differ from the previous call; default: all. */
  readonly changed?: ReadonlySet<string>;
}

export class HostRoutes {
  #tally = new PeerTally();
  #context = '';
  /** The routes and the address families of each peer, by its name. */
  readonly #parts: Map<string, PeerPart> = new Map();
  /** The routes that are wanted for a peer, by its name. */
  readonly #lists: Map<string, Routes> = new Map();
  /**
   * Routes that belong to no peer: the routes for this node's prefixes, and the `unreachable`
   * routes for the cluster prefixes (see `lastResort`).
   */
  #common: readonly Routes[] = [];
  #routes: DesiredRoutes['routes'] = [];

  /** The counts for the peers of the last `update`. */
  get tally(): PeerTally {
    return this.#tally;
  }

  /** Forgets all peers and routes. */
  clear(): void {
    this.#tally = new PeerTally();
    this.#context = '';
    this.#parts.clear();
    this.#lists.clear();
    this.#common = [];
    this.#routes = [];
  }

  /** Returns all routes, and their difference from the routes of the previous call. */
  update(
    context: PeerContext,
    enforcement: Exclude<Enforcement, 'off'>,
    { peers, answered, changed }: RoutedPeers,
  ): DesiredRoutes {
    const from = this.#routes;
    const removed: Routes[] = [];
    const added: Routes[] = [];
    const text = `${enforcement};${context.text}`;
    const isSame = text === this.#context;
    if (!isSame) {
      removed.push(...this.#common, ...this.#lists.values());
      this.clear();
      this.#context = text;
      this.#common = commonRoutes(context, enforcement);
      added.push(...this.#common);
    }
    const names = isSame && changed ? changed : new Set([...this.#parts.keys(), ...peers.keys()]);
    for (const name of names) {
      const part = this.#setPart(name, peers.get(name), context);
      const isWanted = enforcement === 'enforce' || answered.has(name);
      const list = enforcement === 'enforce' ? part?.enforced : part?.routes;
      const before = this.#lists.get(name);
      const after = isWanted ? list : undefined;
      if (before === after) continue;
      if (before) removed.push(before);
      if (after) added.push(after);
      if (after) this.#lists.set(name, after);
      else this.#lists.delete(name);
    }
    if (removed.length > 0 || added.length > 0) this.#routes = this.#allLists();
    return { routes: this.#routes, difference: { from, removed, added } };
  }

  /** Returns a new object that has all lists, and copies none of them. */
  #allLists(): DesiredRoutes['routes'] {
    const [common, lists] = [this.#common, this.#lists];
    return {
      *[Symbol.iterator]() {
        yield* common;
        yield* lists.values();
      },
    };
  }

  #setPart(name: string, peer: RoutedPeer | undefined, context: PeerContext): PeerPart | undefined {
    const before = this.#parts.get(name);
    if (before && before.peer === peer) return before;
    if (before) this.#tally.remove(before);
    if (!peer) {
      this.#parts.delete(name);
      return undefined;
    }
    const part = peerPart(peer, context);
    this.#tally.add(part);
    this.#parts.set(name, part);
    return part;
  }
}

function commonRoutes({ request }: PeerContext, enforcement: Enforcement): Routes[] {
  const { own, clusterPrefixes } = request;
  const ownRoutes = own.prefixes.map((prefix) => meshRoute('throw', prefix));
  return enforcement === 'enforce' ? [ownRoutes, clusterPrefixes.map(lastResort)] : [ownRoutes];
}
