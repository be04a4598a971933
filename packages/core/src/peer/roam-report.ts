/**
 * `RoamReport`: tells that peers are reached elsewhere, of each peer at most once a second.
 *
 * A peer may have another port with each datagram (a NAT that keeps none, two ways that take turns).
 * The endpoint follows each of them; the first is told at once, and a second later where the peer is
 * then, if that is elsewhere than what was told.
 *
 * All wait equally long, so they are due in the order in which they were told of. A peer that has not
 * roamed within the last second costs nothing.
 *
 * @module
 */
import type { Endpoint } from '../endpoint.ts';
import type { Outputs } from '../outputs.ts';
import type { Peer } from './peer.ts';

export class RoamReport {
  readonly #outputs: Outputs;
  /** Peers that were told of within the last second, the first told first. */
  readonly #recent: Map<Peer, Telling> = new Map();
  /** How many of them have roamed since. */
  #waiting = 0;
  /** Not later than the first of them is due; Infinity if there is none. */
  #first = Infinity;

  constructor(outputs: Outputs) {
    this.#outputs = outputs;
  }

  /** When `tell` may have something to tell; Infinity if nothing waits. */
  get due(): number {
    return this.#waiting === 0 ? Infinity : this.#first;
  }

  /** The peer's endpoint is another one than `previous`, in address or port. */
  roamed(peer: Peer, previous: Endpoint | undefined, now: number): void {
    this.tell(now);
    const recent = this.#recent.get(peer);
    if (!recent) this.#tell(peer, previous, now);
    else if (!recent.waits && recent.endpoint !== peer.endpoint) {
      recent.waits = true;
      this.#waiting++;
    }
  }

  /** Tells what is due, and forgets of whom there is nothing to tell. */
  tell(now: number): void {
    if (now < this.#first) return;
    for (const [peer, { endpoint, until, waits }] of this.#recent) {
      this.#first = until;
      if (now < until) return;
      this.forget(peer);
      if (waits && peer.endpoint?.sameDestination(endpoint) !== true) {
        this.#tell(peer, endpoint, now);
      }
    }
    this.#first = Infinity;
  }

  /** Nothing more is told of where the peer was until now. */
  forget(peer: Peer): void {
    if (this.#recent.get(peer)?.waits === true) this.#waiting--;
    this.#recent.delete(peer);
  }

  #tell(peer: Peer, previous: Endpoint | undefined, now: number): void {
    const { endpoint } = peer;
    if (!endpoint) return;
    const until = now + INTERVAL_MS;
    this.#recent.set(peer, { endpoint, until, waits: false });
    this.#first = Math.min(this.#first, until);
    this.#outputs.event({ type: 'roam', peer: peer.publicKey, endpoint, previous });
    this.#outputs.news(peer, 'present');
  }
}

interface Telling {
  /** Where the peer was said to be. */
  readonly endpoint: Endpoint;
  /** Not told again before. */
  readonly until: number;
  /** It has roamed since. */
  waits: boolean;
}

const INTERVAL_MS = 1000;
