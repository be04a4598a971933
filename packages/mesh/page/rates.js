/**
 * `Rates`: the throughput of each tunnel, and of all tunnels together, in the last two minutes. It
 * is computed from the byte counters of successive statuses.
 *
 * @module
 */
/** @import { MeshStatus } from '../src/status/mesh-status.ts' */

/** @typedef {'both' | 'received' | 'sent'} Direction */

/**
 * The rates of one tunnel, or of all tunnels together, in bytes per second. There is one value for
 * each time in `Rates.times`. NaN: not known.
 */
export class Samples {
  /** @type {number[]} */
  received = [];
  /** @type {number[]} */
  sent = [];

  /**
   * @param {Direction} direction
   * @returns {number[]}
   */
  of(direction) {
    if (direction !== 'both') return this[direction];
    return this.received.map((rate, index) => rate + (this.sent[index] ?? NaN));
  }

  /**
   * The newest value; 0: not known.
   *
   * @param {Direction} direction
   * @returns {number}
   */
  now(direction) {
    const received = this.received.at(-1) || 0;
    const sent = this.sent.at(-1) || 0;
    if (direction === 'received') return received;
    return direction === 'sent' ? sent : received + sent;
  }
}

export class Rates {
  /** The Unix time of each sample in milliseconds. */
  /** @type {number[]} */
  times = [];
  sum = new Samples();
  /** @type {Map<string, Samples>} */
  peers = new Map();
  /** @type {Map<string, { received: number, sent: number }>} */
  #counters = new Map();

  /** @param {MeshStatus} status */
  add({ time, peers }) {
    const last = this.times.at(-1);
    const elapsed = last === undefined ? 0 : (time - last) / 1000;
    // The same status came again, or the clock was set back.
    if (last !== undefined && elapsed <= 0) return this.#startAgain(time, peers);
    // After a long gap, the rate counts as not known, because the mean over the gap would look like
    // the rate of this second.
    const isKnown = elapsed > 0 && elapsed <= LONGEST_GAP_S;
    const sum = { received: 0, sent: 0 };
    const counters = new Map();
    for (const { name, bytesReceived: received, bytesSent: sent } of peers) {
      const before = this.#counters.get(name) ?? { received: 0, sent: 0 };
      counters.set(name, { received, sent });
      const rate = {
        // The counters start at 0 again when the daemon is restarted. Then the rate counts as 0.
        received: Math.max(0, received - before.received) / elapsed,
        sent: Math.max(0, sent - before.sent) / elapsed,
      };
      const isNew = !this.#counters.has(name) && last !== undefined;
      if (isKnown && !isNew) {
        sum.received += rate.received;
        sum.sent += rate.sent;
      }
      if (peers.length <= MAX_TUNNELS) {
        push(this.#samples(name), isKnown && !isNew ? rate : UNKNOWN);
      }
    }
    this.#counters = counters;
    this.times.push(time);
    push(this.sum, isKnown ? sum : UNKNOWN);
    this.#forget(peers.length <= MAX_TUNNELS);
  }

  /**
   * Returns the current throughput of one peer in bytes per second.
   *
   * @param {string} name
   * @param {Direction} direction
   * @returns {number}
   */
  now(name, direction) {
    return this.peers.get(name)?.now(direction) ?? 0;
  }

  /**
   * @param {number} time
   * @param {MeshStatus['peers']} peers
   */
  #startAgain(time, peers) {
    if (time === this.times.at(-1)) return;
    this.times = [];
    this.sum = new Samples();
    this.peers = new Map();
    this.#counters = new Map();
    this.add(/** @type {MeshStatus} */ ({ time, peers }));
  }

  /**
   * @param {string} name
   * @returns {Samples}
   */
  #samples(name) {
    const known = this.peers.get(name);
    if (known) return known;
    const made = new Samples();
    // Each line has a value for each time, so that all lines have the same x coordinates.
    for (const _ of this.times) push(made, UNKNOWN);
    this.peers.set(name, made);
    return made;
  }

  /** @param {boolean} withTunnels */
  #forget(withTunnels) {
    const oldest = (this.times.at(-1) ?? 0) - WINDOW_MS;
    const count = this.times.findIndex((time) => time >= oldest);
    this.times.splice(0, count);
    for (const [name, samples] of this.peers) {
      if (!withTunnels || !this.#counters.has(name)) this.peers.delete(name);
      else drop(samples, count);
    }
    drop(this.sum, count);
  }
}

/**
 * @param {Samples} samples
 * @param {{ received: number, sent: number }} rate
 */
function push(samples, { received, sent }) {
  samples.received.push(received);
  samples.sent.push(sent);
}

/**
 * @param {Samples} samples
 * @param {number} count
 */
function drop(samples, count) {
  samples.received.splice(0, count);
  samples.sent.splice(0, count);
}

export const WINDOW_MS = 120_000;
/** With more peers, only the sum is kept, because the lines would hide each other. */
export const MAX_TUNNELS = 200;
const LONGEST_GAP_S = 30;
const UNKNOWN = { received: NaN, sent: NaN };
