/**
 * `DropReport`: emits the drop events of all reasons together, at most once per second, and only
 * while `drop` has a listener.
 *
 * @module
 */
import {
  DROP_REASONS,
  type DropCounters,
  type DropReason,
  type Endpoint,
  type PublicKey,
} from '@litz/core';

/** How many packets or messages were dropped for a reason since the last event of this reason. */
export interface DropEvent {
  readonly type: 'drop';
  readonly reason: DropReason;
  readonly count: number;
  /** The last known peer. It may belong to another drop than `source`. */
  readonly peer?: PublicKey;
  /** The last known source address. It is not authenticated. */
  readonly source?: Endpoint;
}

export class DropReport {
  readonly #drops: DropCounters;
  readonly #reported: Float64Array = new Float64Array(DROP_REASONS.length);
  #listening = false;
  #reportedAt = -Infinity;
  #due = Infinity;

  constructor(drops: DropCounters) {
    this.#drops = drops;
  }

  /**
   * When `report` must be called next, in ms of the clock; Infinity: there is nothing to report.
   */
  get due(): number {
    return this.#due;
  }

  /** Starts or stops reporting. Earlier drops are not reported. */
  set listening(listening: boolean) {
    this.#listening = listening;
    this.#due = Infinity;
    DROP_REASONS.forEach((reason, i) => {
      this.#reported[i] = this.#drops.count(reason);
      this.#drops.takeDetails(reason);
    });
  }

  /** Must be called after each batch. Checks whether anything was dropped. */
  check(): void {
    if (!this.#listening || this.#due !== Infinity) return;
    for (let i = 0; i < DROP_REASONS.length; i++) {
      if (this.#drops.count(DROP_REASONS[i]!) === this.#reported[i]) continue;
      this.#due = this.#reportedAt + INTERVAL_MS;
      return;
    }
  }

  /** Reports the drops, if a report is due. */
  report(now: number, emit: (event: DropEvent) => void): void {
    if (now < this.#due) return;
    this.#due = Infinity;
    this.#reportedAt = now;
    for (const [i, reason] of DROP_REASONS.entries()) {
      const total = this.#drops.count(reason);
      const count = total - (this.#reported[i] ?? 0);
      if (count <= 0) continue;
      this.#reported[i] = total;
      const { lastPeer: peer, lastSource: source } = this.#drops.takeDetails(reason);
      emit({ type: 'drop', reason, count, ...(peer && { peer }), ...(source && { source }) });
    }
  }
}

// The shortest time between two reports, in ms.
const INTERVAL_MS = 1000;
