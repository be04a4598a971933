/**
 * `RoamLimiter`: emits an event when a peer is reached at a new address or port, at most once a
 * second for each peer.
 *
 * A peer may use a new port with every datagram, for example behind a NAT without stable ports, or
 * with two paths that alternate. The endpoint follows every change. The first change causes an
 * event at once. A second later there is another event, if the endpoint then differs from the
 * reported one.
 *
 * All peers wait equally long, so they are due in the order of their last events. A peer that has
 * not roamed within the last second costs nothing.
 *
 * @module
 */
import type { Endpoint } from '../endpoint.ts';
import type { Outputs } from '../outputs.ts';
import type { Peer } from './peer.ts';

export class RoamLimiter {
  readonly #outputs: Outputs;
  /** Peers that had an event within the last second, in the order of these events. */
  readonly #recent: Map<Peer, LastRoam> = new Map();
  /** How many of the peers in `#recent` have roamed again since their event. */
  #waiting = 0;
  /**
   * No peer in `#recent` is due before this time.
   */
  #first = Infinity;

  constructor(outputs: Outputs) {
    this.#outputs = outputs;
  }

  /**
   * When `emitDue` may have an event to emit, in the milliseconds of `now`; Infinity if no peer
   * waits.
   */
  get due(): number {
    return this.#waiting === 0 ? Infinity : this.#first;
  }

  /** Called when the peer's endpoint differs from `previous` in address or port. */
  noteRoam(peer: Peer, previous: Endpoint | undefined, now: number): void {
    this.emitDue(now);
    const recent = this.#recent.get(peer);
    if (!recent) this.#emit(peer, previous, now);
    else if (!recent.waits && recent.endpoint !== peer.endpoint) {
      recent.waits = true;
      this.#waiting++;
    }
  }

  /** Emits the events that are due, and forgets the peers that have not roamed again. */
  emitDue(now: number): void {
    if (now < this.#first) return;
    for (const [peer, { endpoint, until, waits }] of this.#recent) {
      this.#first = until;
      if (now < until) return;
      this.forget(peer);
      if (waits && peer.endpoint?.sameDestination(endpoint) !== true) {
        this.#emit(peer, endpoint, now);
      }
    }
    this.#first = Infinity;
  }

  /** Forgets the last event of a peer, and cancels its pending event. */
  forget(peer: Peer): void {
    if (this.#recent.get(peer)?.waits === true) this.#waiting--;
    this.#recent.delete(peer);
  }

  #emit(peer: Peer, previous: Endpoint | undefined, now: number): void {
    const { endpoint } = peer;
    if (!endpoint) return;
    const until = now + INTERVAL_MS;
    this.#recent.set(peer, { endpoint, until, waits: false });
    this.#first = Math.min(this.#first, until);
    this.#outputs.queueEvent({ type: 'roam', peer: peer.publicKey, endpoint, previous });
    this.#outputs.emitPeerEvent(peer, 'updated');
  }
}

interface LastRoam {
  /** The endpoint in the event. */
  readonly endpoint: Endpoint;
  /** The peer has no other event before this time. */
  readonly until: number;
  /** Whether the peer has roamed since the event. */
  waits: boolean;
}

/** The shortest time between two events of one peer, in milliseconds. */
const INTERVAL_MS = 1000;
