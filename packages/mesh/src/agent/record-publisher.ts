/**
 * `RecordPublisher`: keeps the own record in the registry as it is to be, with as few writes as that
 * takes, and tries again where the registry refuses.
 *
 * @module
 */
import { formatCidr } from '@litz/core';
import type { NodeRecord } from '../record/node-record.ts';
import type { Registry } from '../registry/registry.ts';

export interface RecordPublisherOptions {
  readonly registry: Pick<Registry, 'publish'>;
  /** Why it could not be written; undefined: it is. Said when that changes. */
  readonly onTrouble: (trouble: string | undefined) => void;
  /** It is written. */
  readonly onPublished: (record: NodeRecord) => void;
}

export class RecordPublisher {
  readonly #options: RecordPublisherOptions;
  #wanted: NodeRecord | undefined = undefined;
  /** As the registry has it, by what it told or took last. */
  #known: string | undefined = undefined;
  #isBusy = false;
  #trouble: string | undefined = undefined;
  #retryMs: number = FIRST_RETRY_MS;
  #timer: NodeJS.Timeout | undefined = undefined;
  #isClosed = false;

  constructor(options: RecordPublisherOptions) {
    this.#options = options;
  }

  /** The registry holds this; undefined: no record. */
  seen(record: NodeRecord | undefined): void {
    this.#known = record && textOf(record);
    void this.#publish();
  }

  /** It is to hold this. */
  want(record: NodeRecord): void {
    this.#wanted = record;
    void this.#publish();
  }

  /** It is to hold nothing of ours, and nothing more is written until something is wanted again. */
  drop(): void {
    clearTimeout(this.#timer);
    this.#wanted = undefined;
    this.#known = undefined;
  }

  /** Whether the registry is to be written to. */
  get isBehind(): boolean {
    return this.#wanted !== undefined && textOf(this.#wanted) !== this.#known;
  }

  /** Writes no more. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #publish(): Promise<void> {
    if (this.#isBusy || this.#isClosed) return;
    this.#isBusy = true;
    clearTimeout(this.#timer);
    try {
      while (this.#wanted && this.isBehind && !this.#isClosed) {
        const record = this.#wanted;
        await this.#options.registry.publish(record);
        this.#known = textOf(record);
        this.#retryMs = FIRST_RETRY_MS;
        this.#say(undefined);
        this.#options.onPublished(record);
      }
    } catch (error) {
      this.#say((error as Error).message);
      if (!this.#isClosed) this.#timer = setTimeout(() => void this.#publish(), this.#retryMs);
      this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
    } finally {
      this.#isBusy = false;
    }
  }

  #say(trouble: string | undefined): void {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    this.#options.onTrouble(trouble);
  }
}

function textOf({ keys, prefixes, ...rest }: NodeRecord): string {
  const { name, addresses, port, encryptsNode, revoked } = rest;
  const keyTexts = keys.map(({ publicKey, generation }) => `${publicKey.toBase64()} ${generation}`);
  return JSON.stringify([
    name,
    addresses,
    port,
    keyTexts,
    prefixes.map(formatCidr),
    encryptsNode,
    revoked,
  ]);
}

const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 30_000;
