/**
 * `LiveCounters` and `ratesBetween`: the rates of a peer or an interface, from its counters at two
 * times.
 *
 * @module
 */
import type { LiveRates } from './live-status.ts';

/** The counters of a peer or an interface at one time. */
export interface LiveCounters {
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly receivedMessages: number;
  readonly sentMessages: number;
  readonly drops: number;
  /**
   * The Unix time in ms of the last handshake with a peer; 0 for an interface. At most one
   * handshake per reading is counted.
   */
  readonly handshakeAt: number;
}

/**
 * Returns the rates per second. If there are fewer bytes than before, the daemon was restarted, so
 * everything that its counters contain is new.
 */
export function ratesBetween(
  before: LiveCounters,
  after: LiveCounters,
  elapsedMs: number,
): LiveRates {
  const isRestarted =
    after.receivedBytes < before.receivedBytes || after.sentBytes < before.sentBytes;
  const rate = (name: CounterName): number => {
    const grown = after[name] - (isRestarted ? 0 : before[name]);
    return round((Math.max(0, grown) * 1000) / elapsedMs);
  };
  const hasHandshake = after.handshakeAt > before.handshakeAt;
  return {
    receivedBytes: rate('receivedBytes'),
    sentBytes: rate('sentBytes'),
    receivedMessages: rate('receivedMessages'),
    sentMessages: rate('sentMessages'),
    drops: rate('drops'),
    handshakes: hasHandshake ? round(1000 / elapsedMs) : 0,
  };
}

type CounterName = Exclude<keyof LiveCounters, 'handshakeAt'>;

/** Three digits after the point keep the texts short. */
function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
