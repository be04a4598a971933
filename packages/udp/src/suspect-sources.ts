/**
 * `SuspectSources`: endpoints whose sticky source may have become wrong. Each is checked when
 * something is sent to it.
 *
 * @module
 */
import type { Endpoint } from '@litz/core';
import { sourceWorks, type RouteLookup, type SendingSocket } from './sticky-source.ts';

/**
 * Endpoints whose sticky source is suspect. A change of routes makes the sources of all endpoints
 * suspect. A check is a system call, so it is made only for endpoints that something is sent to,
 * and only a few times per turn of the packet loop. The other endpoints keep their source until a
 * later turn. A result is kept until the end of the turn. By then the owner of the endpoints knows
 * the result.
 */
export class SuspectSources {
  readonly #routes: RouteLookup;
  readonly #suspects: Set<Endpoint> = new Set();
  /** Endpoints whose source does not work, with the endpoint to use instead. */
  readonly #replacements: Map<Endpoint, Endpoint> = new Map();
  #lookUpsLeft: number = LOOKUPS_PER_TURN;

  /** @param routes look-ups in the network namespace of the sockets */
  constructor(routes: RouteLookup) {
    this.#routes = routes;
  }

  /** How many endpoints must be checked, or were replaced in this turn. */
  get size(): number {
    return this.#suspects.size + this.#replacements.size;
  }

  /**
   * Adds an endpoint, unless it has no source or its interface is part of the address (link-local).
   */
  add(endpoint: Endpoint): void {
    const { sourceAddress, sourceInterface, scopeId } = endpoint;
    if (scopeId === 0 && (sourceAddress || sourceInterface !== 0)) this.#suspects.add(endpoint);
  }

  /**
   * Returns the endpoint to send to: `destination`, or the same endpoint without its sticky source
   * if that source does not work.
   */
  check(destination: Endpoint, socket: SendingSocket): Endpoint {
    const instead = this.#replacements.get(destination);
    if (instead) return instead;
    if (this.#lookUpsLeft === 0 || !this.#suspects.delete(destination)) return destination;
    this.#lookUpsLeft--;
    if (sourceWorks(destination, this.#routes, socket)) return destination;
    const withoutSource = destination.withoutSource();
    this.#replacements.set(destination, withoutSource);
    return withoutSource;
  }

  /** Ends a turn. The owner of the endpoints has dropped the sources that were reported. */
  endTurn(): void {
    this.#lookUpsLeft = LOOKUPS_PER_TURN;
    if (this.#replacements.size > 0) this.#replacements.clear();
  }

  clear(): void {
    this.#suspects.clear();
  }
}

/**
 * How many look-ups one turn may make. A look-up takes about 20 µs, and other packets wait
 * meanwhile.
 */
const LOOKUPS_PER_TURN = 16;
