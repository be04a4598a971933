/**
 * `StatusPublisher`: tells people who look at the registry's objects how this node is, where the registry
 * has a place for that.
 *
 * Every write of an object is told to every node. So a status is written when it has settled, and once a
 * minute at most; at rest nothing is written.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { Enforcement } from '../plan/desired-host.ts';
import type { LitzNodeStatus, Registry } from '../registry/registry.ts';
import type { Choices } from './agent-settings.ts';
import type { EventLog } from './event-log.ts';

export interface StatusPublisherOptions {
  readonly registry: Pick<Registry, 'publishStatus'>;
  readonly node: string;
  readonly events: EventLog;
  /** From 0 up to, not including, 1. */
  readonly random?: () => number;
}

export class StatusPublisher {
  readonly #options: StatusPublisherOptions;
  #wanted: LitzNodeStatus | undefined = undefined;
  #written: LitzNodeStatus | undefined = undefined;
  #retryMs: number = LEAST_INTERVAL_MS;
  #timer: NodeJS.Timeout | undefined = undefined;
  /** One settles, is written, or was written just now. */
  #isBusy = false;
  #isClosed = false;

  constructor(options: StatusPublisherOptions) {
    this.#options = options;
  }

  /** The node is like this now. */
  want(status: LitzNodeStatus): void {
    this.#wanted = status;
    if (!this.#isBusy) this.#settle();
  }

  /** It stands nowhere: the record that it belonged to is gone. */
  forget(): void {
    this.#wanted = undefined;
    this.#written = undefined;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  /** Of many nodes that change together not all write together. */
  #settle(): void {
    if (this.#isClosed || !this.#wanted) return;
    if (isDeepStrictEqual(this.#wanted, this.#written)) return;
    const { random = Math.random } = this.#options;
    this.#isBusy = true;
    const wait = SETTLE_MS + random() * SPREAD_MS;
    this.#timer = setTimeout(() => void this.#write(), wait);
  }

  async #write(): Promise<void> {
    const { registry, node, events } = this.#options;
    const status = this.#wanted;
    let wait = LEAST_INTERVAL_MS;
    try {
      // What has come and gone meanwhile is nobody's news.
      if (status && !isDeepStrictEqual(status, this.#written)) {
        await registry.publishStatus?.(node, status);
        this.#written = status;
      } else {
        wait = 0;
      }
      this.#retryMs = LEAST_INTERVAL_MS;
      events.trouble(WHAT, undefined);
    } catch (error) {
      events.trouble(WHAT, (error as Error).message);
      wait = this.#retryMs;
      this.#retryMs = Math.min(wait * 2, LONGEST_RETRY_MS);
    }
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#isBusy = false;
      this.#settle();
    }, wait);
  }
}

/**
 * Without what the registry itself is told or asked about: who reads this knows that it answers.
 *
 * @param troubles what is wrong now, by what it is about
 */
export function describeStatus(
  { mode }: Choices,
  enforcement: Enforcement,
  troubles: ReadonlyMap<string, string>,
): LitzNodeStatus {
  const told = [...troubles].filter(([what]) => !NOT_TOLD.has(what));
  const trouble = told.map(([what, text]) => `${what}: ${text}`).join('; ');
  return {
    version: meshVersion(),
    encrypt: enforcement === 'off' ? 'off' : mode,
    enforcement,
    trouble: trouble.length > MOST_CHARACTERS ? `${trouble.slice(0, MOST_CHARACTERS)}...` : trouble,
  };
}

function meshVersion(): string {
  version ??= (JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string }).version;
  return version;
}

let version: string | undefined;
const PACKAGE = new URL('../../package.json', import.meta.url);
const WHAT = 'status in the registry';
const NOT_TOLD: ReadonlySet<string> = new Set([
  WHAT,
  'registry',
  'own record',
  "the registry's addresses",
]);
const SETTLE_MS = 5000;
const SPREAD_MS = 25_000;
const LEAST_INTERVAL_MS = 60_000;
const LONGEST_RETRY_MS = 1_800_000;
const MOST_CHARACTERS = 500;
