/**
 * `LiveHistory`: the rates of the last ten minutes, of all peers together and of each peer.
 *
 * @module
 */
import { sumOfRates, type LiveRates, type LiveStatus } from './live-status.ts';

/**
 * The rates of one peer, or of all peers together, in bytes, packets or drops per second. Each
 * array has one value for each time.
 */
export interface LiveSeries {
  readonly received: number[];
  readonly sent: number[];
  readonly packets: number[];
  readonly drops: number[];
}

/**
 * The history as plain data for a page. The values of a peer are null for the times at which the
 * peer was not there yet.
 */
export interface LiveHistoryData {
  /** Unix time in milliseconds. */
  readonly times: number[];
  readonly sum: LiveSeries;
  readonly peers: Record<string, { readonly [name in keyof LiveSeries]: (number | null)[] }>;
}

export class LiveHistory {
  readonly #windowMs: number;
  readonly #maxPeers: number;
  #moments: Moment[] = [];

  /** @param options.maxPeers if there are more peers, only the sum is kept */
  constructor(options: { windowMs?: number; maxPeers?: number } = {}) {
    const { windowMs = WINDOW_MS, maxPeers = MAX_PEERS } = options;
    this.#windowMs = windowMs;
    this.#maxPeers = maxPeers;
  }

  /** Adds a status. Ignores a status without rates, and a status that was added before. */
  add(status: LiveStatus): void {
    const { time, interfaces, peers, intervalMs } = status;
    const last = this.#moments.at(-1)?.time;
    if (intervalMs === undefined || time === last) return;
    // The clock was set back. The kept times are later than all new ones, and would never become
    // too old.
    if (last !== undefined && time < last) this.#moments = [];
    const sum = sumOfRates(interfaces.map(({ rates }) => rates));
    const seconds = intervalMs / 1000;
    const kept = peers.length <= this.#maxPeers ? peers : [];
    this.#moments.push({
      time,
      sum: valuesOf(sum),
      handshakes: Math.round(sum.handshakes * seconds),
      peers: new Map(kept.map(({ id, rates }) => [id, valuesOf(rates)])),
    });
    const oldest = time - this.#windowMs;
    this.#moments.splice(
      0,
      this.#moments.findIndex((moment) => moment.time >= oldest),
    );
  }

  /** The number of handshakes in the time of the history. */
  get handshakes(): number {
    return this.#moments.reduce((total, { handshakes }) => total + handshakes, 0);
  }

  /** Returns the bytes per second of a peer, the sum of both directions; the oldest value first. */
  throughputOf(id: string): number[] {
    return this.#moments.flatMap(({ peers }) => {
      const values = peers.get(id);
      return values ? [values.received + values.sent] : [];
    });
  }

  /** Returns the whole history of the present peers, for a page that has none yet. */
  toJSON(): LiveHistoryData {
    const moments = this.#moments;
    const ids = new Set(moments.at(-1)?.peers.keys());
    const peers = Array.from(ids, (id) => [
      id,
      seriesOf((name) => moments.map((moment) => moment.peers.get(id)?.[name] ?? null)),
    ]);
    return {
      times: moments.map(({ time }) => time),
      sum: seriesOf((name) => moments.map(({ sum }) => sum[name])),
      peers: Object.fromEntries(peers) as LiveHistoryData['peers'],
    };
  }
}

/** The rates at one time. */
interface Moment {
  readonly time: number;
  readonly sum: Values;
  readonly handshakes: number;
  readonly peers: ReadonlyMap<string, Values>;
}

type Values = { readonly [name in keyof LiveSeries]: number };

function valuesOf(rates: LiveRates): Values {
  const { receivedBytes, sentBytes, receivedMessages, sentMessages, drops } = rates;
  const isIdle = receivedBytes + sentBytes + receivedMessages + sentMessages + drops === 0;
  // Most peers are idle most of the time. One shared object for all of them saves memory.
  if (isIdle) return IDLE;
  return {
    received: Math.round(receivedBytes),
    sent: Math.round(sentBytes),
    packets: receivedMessages + sentMessages,
    drops,
  };
}

function seriesOf<T>(values: (name: keyof LiveSeries) => T[]): {
  readonly [name in keyof LiveSeries]: T[];
} {
  return {
    received: values('received'),
    sent: values('sent'),
    packets: values('packets'),
    drops: values('drops'),
  };
}

const IDLE: Values = Object.freeze({ received: 0, sent: 0, packets: 0, drops: 0 });

/** Ten minutes. */
const WINDOW_MS = 600_000;
const MAX_PEERS = 200;
