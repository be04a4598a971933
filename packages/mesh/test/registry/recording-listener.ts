/**
 * `RecordingListener`: collects the reports of a registry, and waits for expected ones.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ReadRecord } from '../../src/record/node-record.ts';
import type { Registry, RegistryListener } from '../../src/registry/registry.ts';

export type Heard =
  | { readonly what: 'sync'; readonly names: readonly string[] }
  | { readonly what: 'record'; readonly name: string; readonly record: ReadRecord }
  | { readonly what: 'gone'; readonly name: string; readonly why: 'deleted' | 'expired' }
  | { readonly what: 'connection'; readonly trouble: string | undefined };

export class RecordingListener implements RegistryListener {
  readonly heard: Heard[] = [];
  /** The content of the registry, according to its reports. */
  readonly records = new Map<string, ReadRecord>();

  onSync(records: ReadonlyMap<string, ReadRecord>): void {
    this.heard.push({ what: 'sync', names: [...records.keys()].toSorted() });
    this.records.clear();
    for (const [name, record] of records) this.records.set(name, record);
  }

  onRecord(name: string, record: ReadRecord): void {
    this.heard.push({ what: 'record', name, record });
    this.records.set(name, record);
  }

  onGone(name: string, why: 'deleted' | 'expired'): void {
    this.heard.push({ what: 'gone', name, why });
    this.records.delete(name);
  }

  onConnection(trouble: string | undefined): void {
    this.heard.push({ what: 'connection', trouble });
  }

  /** The last reported problem of the connection to the registry. */
  get trouble(): string | undefined {
    return this.heard.findLast((event) => event.what === 'connection')?.trouble;
  }

  get syncs(): number {
    return this.heard.filter(({ what }) => what === 'sync').length;
  }

  why(name: string): 'deleted' | 'expired' | undefined {
    const gone = this.heard.findLast((event) => event.what === 'gone' && event.name === name);
    return gone?.what === 'gone' ? gone.why : undefined;
  }

  /**
   * Calls `isSo` every 5 ms, and resolves when it returns true. Rejects after `withinMs` with an
   * error that has all reports.
   */
  async until(isSo: (listener: this) => boolean, withinMs = 20_000): Promise<void> {
    const end = performance.now() + withinMs;
    while (!isSo(this)) {
      if (performance.now() > end) {
        throw new Error(`not within ${withinMs} ms; heard ${JSON.stringify(this.heard)}`);
      }
      await sleep(5);
    }
  }
}

/** Makes a listener that follows a registry. */
export function follow(registry: Registry): RecordingListener {
  const listener = new RecordingListener();
  registry.follow(listener);
  return listener;
}
