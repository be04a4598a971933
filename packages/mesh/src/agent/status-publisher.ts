/**
 * `StatusPublisher`: publishes the status of this node beside its record, if the registry supports
 * that, for people who look at the registry's objects.
 *
 * The registry sends each write of an object to all nodes. So a change is written only after a wait
 * of 5 to 30 s, together with all changes in that time, and there is at most one write a minute.
 * Nothing is written while nothing changes.
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
  /** Returns a number from 0 up to, but not including, 1. */
  readonly random?: () => number;
}

export class StatusPublisher {
  readonly #options: StatusPublisherOptions;
  #wanted: LitzNodeStatus | undefined = undefined;
  #written: LitzNodeStatus | undefined = undefined;
  #retryMs: number = LEAST_INTERVAL_MS;
  #timer: NodeJS.Timeout | undefined = undefined;
  /**
   * True while a status waits to be written, while it is written, and during the pause after the
   * write.
   */
  #isBusy = false;
  /** True from a write that failed until the next try. */
  #isWaiting = false;
  #isClosed = false;

  constructor(options: StatusPublisherOptions) {
    this.#options = options;
  }

  /** Sets the status to publish. */
  want(status: LitzNodeStatus): void {
    this.#wanted = status;
    if (!this.#isBusy) this.#settle();
  }

  /**
   * Ends the wait after a write that failed, so that the status is soon written again. Called when
   * the registry answers again.
   */
  retry(): void {
    if (!this.#isWaiting) return;
    this.#isWaiting = false;
    this.#retryMs = LEAST_INTERVAL_MS;
    clearTimeout(this.#timer);
    this.#isBusy = false;
    this.#settle();
  }

  /** Forgets the published status, because the record that it belonged to is gone. */
  forget(): void {
    this.#wanted = undefined;
    this.#written = undefined;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  /**
   * Starts the wait before a write, so that changes shortly after each other become one write. The
   * wait is random, so that nodes that change at the same time do not all write at the same time.
   */
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
      // A change that was undone during the wait is not written.
      if (status && !isDeepStrictEqual(status, this.#written)) {
        await registry.publishStatus?.(node, status);
        this.#written = status;
      } else {
        wait = 0;
      }
      this.#retryMs = LEAST_INTERVAL_MS;
      events.trouble(SUBJECT, undefined);
    } catch (error) {
      events.trouble(SUBJECT, (error as Error).message);
      this.#isWaiting = true;
      wait = this.#retryMs;
      this.#retryMs = Math.min(wait * 2, LONGEST_RETRY_MS);
    }
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#isWaiting = false;
      this.#isBusy = false;
      this.#settle();
    }, wait);
  }
}

/**
 * Returns the status to publish. Troubles of the registry itself are left out: a reader of the
 * status already knows that the registry answers. The trouble that a peer sends plaintext is left
 * out too, because the record of that peer shows it. If it were published, all nodes would write
 * their status when the enforcement of one node is switched off.
 *
 * @param troubles the current troubles by subject
 */
export function describeStatus(
  { mode }: Choices,
  enforcement: Enforcement,
  troubles: ReadonlyMap<string, string>,
): LitzNodeStatus {
  const published = [...troubles].filter(([what]) => !NOT_PUBLISHED.has(what));
  const trouble = published.map(([what, text]) => `${what}: ${text}`).join('; ');
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
const SUBJECT = 'status in the registry';
const NOT_PUBLISHED: ReadonlySet<string> = new Set([
  SUBJECT,
  'registry',
  'own record',
  "the registry's addresses",
  'plaintext',
]);
const SETTLE_MS = 5000;
const SPREAD_MS = 25_000;
const LEAST_INTERVAL_MS = 60_000;
const LONGEST_RETRY_MS = 1_800_000;
const MOST_CHARACTERS = 500;
