/**
 * `SuspectSources`: the endpoints whose sticky source may have become wrong, each to be looked at when
 * it is sent to.
 *
 * @module
 */
import type { Endpoint } from '@litz/core';
import { sourceWorks, type RouteLookup, type SendingSocket } from './sticky-source.ts';

/** A look-up takes about 20 us, and other packets wait for it. */
const LOOKUPS_PER_TURN = 16;

/**
 * A change of routes makes all endpoints suspects. A look-up is a system call, so it is made only for
 * those that something is sent to, and for a few in one turn of the packet loop: the rest of them keep
 * their source until a later turn. The map holds the answer until the owner of the endpoints has it.
 */
export class SuspectSources {
  readonly #routes: RouteLookup;
  readonly #suspects: Set<Endpoint> = new Set();
  /** Those that do not work, with what is sent to instead. */
  readonly #refuted: Map<Endpoint, Endpoint> = new Map();
  #lookUpsLeft: number = LOOKUPS_PER_TURN;

  /** @param routes of the namespace that the sockets are in */
  constructor(routes: RouteLookup) {
    this.#routes = routes;
  }

  /** 0: no endpoint needs a look. */
  get size(): number {
    return this.#suspects.size + this.#refuted.size;
  }

  /** An endpoint without a source, or with an interface of its own choice, has nothing to be wrong. */
  add(endpoint: Endpoint): void {
    const { sourceAddress, sourceInterface, scopeId } = endpoint;
    if (scopeId === 0 && (sourceAddress || sourceInterface !== 0)) this.#suspects.add(endpoint);
  }

  /**
   * Where a datagram for `destination` is to be sent: there, or to the same without the source, if that
   * does not work.
   */
  check(destination: Endpoint, socket: SendingSocket): Endpoint {
    const instead = this.#refuted.get(destination);
    if (instead) return instead;
    if (this.#lookUpsLeft === 0 || !this.#suspects.delete(destination)) return destination;
    this.#lookUpsLeft--;
    if (sourceWorks(destination, this.#routes, socket)) return destination;
    const withoutSource = destination.withoutSource();
    this.#refuted.set(destination, withoutSource);
    return withoutSource;
  }

  /** Whoever has the endpoints has forgotten the sources that were reported. */
  endTurn(): void {
    this.#lookUpsLeft = LOOKUPS_PER_TURN;
    if (this.#refuted.size > 0) this.#refuted.clear();
  }

  clear(): void {
    this.#suspects.clear();
  }
}
