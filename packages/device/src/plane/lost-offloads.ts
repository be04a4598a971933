/**
 * `LostOffloads`: the offloads that were requested but are off, and which of them were not reported
 * yet. An offload can be lost before the device is open, or while a batch is in progress. So the
 * loss is first recorded, and reported later.
 *
 * @module
 */

/** An offload that is off, and the reason. */
export interface OffloadEvent {
  readonly type: 'offload';
  readonly name: 'tunTcp' | 'tunUdp' | 'udpGso' | 'udpGro';
  readonly reason: string;
}

export class LostOffloads {
  readonly #names: Set<OffloadEvent['name']> = new Set();
  #unreported: OffloadEvent[] = [];

  get names(): readonly OffloadEvent['name'][] {
    return [...this.#names];
  }

  /** Whether `report` has something to report. */
  get areUnreported(): boolean {
    return this.#unreported.length > 0;
  }

  /** Records a loss. A second loss of the same offload is ignored. */
  add(name: OffloadEvent['name'], reason: string): void {
    if (this.#names.has(name)) return;
    this.#names.add(name);
    this.#unreported.push({ type: 'offload', name, reason });
  }

  /** Adds the offloads whose loss another process has already reported. */
  restore(names: readonly OffloadEvent['name'][]): void {
    for (const name of names) this.#names.add(name);
  }

  /** Reports each loss once. */
  report(onEvent: (event: OffloadEvent) => void): void {
    if (this.#unreported.length === 0) return;
    for (const event of this.#unreported.splice(0)) onEvent(event);
  }
}
