/**
 * `DropReport`: tells of drops by reason, at most once a second, and only when somebody listens.
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

/** Dropped since the last time it was told. */
export interface DropEvent {
  readonly type: 'drop';
  readonly reason: DropReason;
  readonly count: number;
  /** Whom the last of them was about, as far as that is known. */
  readonly peer?: PublicKey;
  /** Where the last of them said that it came from; it is not authentic. */
  readonly source?: Endpoint;
}

const INTERVAL_MS = 1000;

export class DropReport {
  readonly #drops: DropCounters;
  readonly #told: Float64Array = new Float64Array(DROP_REASONS.length);
  #listening = false;
  #toldAt = -Infinity;
  #due = Infinity;

  constructor(drops: DropCounters) {
    this.#drops = drops;
  }

  /** When there is something to tell; Infinity if there is nothing. */
  get due(): number {
    return this.#due;
  }

  /** What was dropped before is not told. */
  set listening(listening: boolean) {
    this.#listening = listening;
    this.#due = Infinity;
    DROP_REASONS.forEach((reason, i) => {
      this.#told[i] = this.#drops.count(reason);
      this.#drops.takeSubject(reason);
    });
  }

  /** To be called after each batch: sees whether anything was dropped. */
  check(): void {
    if (!this.#listening || this.#due !== Infinity) return;
    for (let i = 0; i < DROP_REASONS.length; i++) {
      if (this.#drops.count(DROP_REASONS[i]!) === this.#told[i]) continue;
      this.#due = this.#toldAt + INTERVAL_MS;
      return;
    }
  }

  /** Tells what is due. */
  tell(now: number, tell: (event: DropEvent) => void): void {
    if (now < this.#due) return;
    this.#due = Infinity;
    this.#toldAt = now;
    for (const [i, reason] of DROP_REASONS.entries()) {
      const total = this.#drops.count(reason);
      const count = total - (this.#told[i] ?? 0);
      if (count <= 0) continue;
      this.#told[i] = total;
      const { peer, source } = this.#drops.takeSubject(reason);
      tell({ type: 'drop', reason, count, ...(peer && { peer }), ...(source && { source }) });
    }
  }
}
