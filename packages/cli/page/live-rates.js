/**
 * `LiveRates`: the rates of the last ten minutes, of all peers together and of each peer. The
 * server sends the past rates when the page connects, and then the newest rates with each status.
 *
 * @module
 */
/** @import { LiveHistoryData } from '../src/live/live-history.ts' */
/** @import { LiveStatus, LiveRates as Rates } from '../src/live/live-status.ts' */

/** @typedef {'both' | 'received' | 'sent' | 'packets' | 'drops'} Kind */

/**
 * The rates of one peer, or of all peers together, in bytes, packets or drops per second. There is
 * one value for each of `LiveRates.times`; NaN: not known.
 */
export class LiveLine {
  /** @type {Record<Exclude<Kind, 'both'>, number[]>} */
  series = { received: [], sent: [], packets: [], drops: [] };

  /**
   * @param {Kind} kind
   * @returns {number[]}
   */
  of(kind) {
    if (kind !== 'both') return this.series[kind];
    const { received, sent } = this.series;
    return received.map((rate, index) => rate + (sent[index] ?? NaN));
  }

  /**
   * Returns the newest value; 0: not known.
   *
   * @param {Kind} kind
   * @returns {number}
   */
  now(kind) {
    return this.of(kind).at(-1) || 0;
  }
}

export class LiveRates {
  /** The Unix time of each value in milliseconds. */
  /** @type {number[]} */
  times = [];
  sum = new LiveLine();
  /** @type {Map<string, LiveLine>} */
  peers = new Map();

  /**
   * Replaces everything by the rates that the server has kept.
   *
   * @param {LiveHistoryData} data
   */
  load({ times, sum, peers }) {
    this.times = [...times];
    this.sum = lineOf(sum);
    this.peers = new Map(Object.entries(peers).map(([id, series]) => [id, lineOf(series)]));
  }

  /** @param {LiveStatus} status */
  add({ time, intervalMs, interfaces, peers }) {
    const last = this.times.at(-1);
    // The same status comes again after a reconnection. The first status of a server has no rates.
    if (intervalMs === undefined || time === last) return;
    // The clock was set back. The kept times are later than all new ones, so they are removed.
    if (last !== undefined && time < last) this.load({ times: [], sum: NOTHING, peers: {} });
    const all = interfaces.map(({ rates }) => rates);
    const isFew = peers.length <= MAX_LINES;
    for (const { id } of isFew ? peers : []) {
      if (!this.peers.has(id)) this.peers.set(id, unknownLine(this.times.length));
    }
    this.times.push(time);
    push(this.sum, valuesOf(all));
    const present = new Map(peers.map(({ id, rates }) => [id, rates]));
    for (const [id, line] of this.peers) {
      const rates = present.get(id);
      if (rates && isFew) push(line, valuesOf([rates]));
      else this.peers.delete(id);
    }
    this.#forget(time - WINDOW_MS);
  }

  /** @param {number} oldest */
  #forget(oldest) {
    const count = this.times.findIndex((time) => time >= oldest);
    if (count <= 0) return;
    this.times.splice(0, count);
    for (const { series } of [this.sum, ...this.peers.values()]) {
      for (const values of Object.values(series)) values.splice(0, count);
    }
  }
}

/**
 * @param {{ readonly [name in Exclude<Kind, 'both'>]: readonly (number | null)[] }} data
 * @returns {LiveLine}
 */
function lineOf({ received, sent, packets, drops }) {
  const line = new LiveLine();
  line.series = {
    received: known(received),
    sent: known(sent),
    packets: known(packets),
    drops: known(drops),
  };
  return line;
}

/**
 * @param {readonly (number | null)[]} values
 * @returns {number[]}
 */
function known(values) {
  return values.map((value) => value ?? NaN);
}

/**
 * @param {number} count
 * @returns {LiveLine}
 */
function unknownLine(count) {
  const line = new LiveLine();
  for (const values of Object.values(line.series)) {
    values.push(...Array.from({ length: count }, () => NaN));
  }
  return line;
}

/**
 * @param {readonly Rates[]} all
 * @returns {Record<Exclude<Kind, 'both'>, number>}
 */
function valuesOf(all) {
  const sum = { received: 0, sent: 0, packets: 0, drops: 0 };
  for (const rates of all) {
    sum.received += rates.receivedBytes;
    sum.sent += rates.sentBytes;
    sum.packets += rates.receivedMessages + rates.sentMessages;
    sum.drops += rates.drops;
  }
  return sum;
}

/**
 * @param {LiveLine} line
 * @param {Record<Exclude<Kind, 'both'>, number>} values
 */
function push({ series }, { received, sent, packets, drops }) {
  series.received.push(received);
  series.sent.push(sent);
  series.packets.push(packets);
  series.drops.push(drops);
}

/** Ten minutes. */
export const WINDOW_MS = 600_000;
/** If there are more peers, only the sum is kept, because the lines would hide each other. */
export const MAX_LINES = 200;
const NOTHING = { received: [], sent: [], packets: [], drops: [] };
