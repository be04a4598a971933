/**
 * `RecordPublisher`: keeps this node's record in the registry up to date with as few writes as
 * possible, and tries again after a failure.
 *
 * @module
 */
import { formatCidr } from '@litz/core';
import type { NodeRecord } from '../record/node-record.ts';
import type { Registry } from '../registry/registry.ts';

export interface RecordPublisherOptions {
  readonly registry: Pick<Registry, 'publish'>;
  /**
   * Called when the trouble changes. `trouble` is the reason why the record could not be written;
   * undefined: the record was written.
   */
  readonly onTrouble: (trouble: string | undefined) => void;
  /** Called when the registry has accepted the record. */
  readonly onPublished: (record: NodeRecord) => void;
}

export class RecordPublisher {
  readonly #options: RecordPublisherOptions;
  #wanted: NodeRecord | undefined = undefined;
  #wantedText: string | undefined = undefined;
  /** The record in the registry, as it was last reported or written. Undefined: no record. */
  #known: string | undefined = undefined;
  /**
   * True once this process has published a record; `drop` resets it. The first publication happens
   * even if the record is unchanged: the registry then writes nothing, but `EtcdRegistry` takes
   * over the lease of the previous process.
   */
  #isOurs = false;
  #isBusy = false;
  #trouble: string | undefined = undefined;
  #retryMs: number = FIRST_RETRY_MS;
  #timer: NodeJS.Timeout | undefined = undefined;
  /** How often the registry reported a record that differs from `#known`. */
  #reports = 0;
  /**
   * How often another writer has overwritten the record. A quiet time of `QUIET_MS` resets it to 0.
   */
  #contests = 0;
  /**
   * True while this publisher waits, because another writer overwrites the record again and again.
   */
  #isResting = false;
  #quietTimer: NodeJS.Timeout | undefined = undefined;
  #isClosed = false;

  constructor(options: RecordPublisherOptions) {
    this.#options = options;
  }

  /** Takes the record that the registry has now. Undefined: it has none. */
  seen(record: NodeRecord | undefined): void {
    const text = record && textOf(record);
    if (text !== this.#known) this.#reports++;
    const isContest = this.#known !== undefined && text !== this.#known;
    this.#known = text;
    if (isContest && this.isBehind) this.#noteContest();
    void this.#publish();
  }

  /**
   * Sets the record that the registry must have, and writes it. If the registry has just refused
   * the same record, it is written at the next retry.
   */
  want(record: NodeRecord): void {
    const isRefused = this.#trouble !== undefined && this.#wanted !== undefined;
    const text = record === this.#wanted ? this.#wantedText : textOf(record);
    const isSame = isRefused && this.#wantedText === text;
    this.#wanted = record;
    this.#wantedText = text;
    if (!isSame) void this.#publish();
  }

  /** Forgets the record. Nothing is written until `want` is called again. */
  drop(): void {
    this.#stopTimers();
    this.#wanted = undefined;
    this.#wantedText = undefined;
    this.#known = undefined;
    this.#isOurs = false;
  }

  /** True if the registry does not have the record that `want` set. */
  get isBehind(): boolean {
    return this.#wanted !== undefined && this.#wantedText !== this.#known;
  }

  /** Stops publishing. */
  close(): void {
    this.#isClosed = true;
    this.#stopTimers();
  }

  /**
   * Counts an overwrite of the record by another writer. Two nodes with the same name overwrite
   * each other for ever. After the first overwrite, the record is written again at once, because
   * the other write may have been a mistake. After each further overwrite, there is a pause before
   * the next write. The pauses grow, so that the registry is not overloaded.
   */
  #noteContest(): void {
    clearTimeout(this.#quietTimer);
    this.#quietTimer = setTimeout(() => (this.#contests = 0), QUIET_MS);
    if (++this.#contests === 1) return;
    const restMs = Math.min(FIRST_RETRY_MS * 2 ** (this.#contests - 2), LONGEST_RETRY_MS);
    clearTimeout(this.#timer);
    this.#isResting = true;
    this.#timer = setTimeout(() => {
      this.#isResting = false;
      void this.#publish();
    }, restMs);
  }

  #stopTimers(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#quietTimer);
    this.#isResting = false;
  }

  async #publish(): Promise<void> {
    if (this.#isBusy || this.#isResting || this.#isClosed) return;
    this.#isBusy = true;
    clearTimeout(this.#timer);
    try {
      while (
        this.#wanted &&
        (this.isBehind || !this.#isOurs) &&
        !this.#isResting &&
        !this.#isClosed
      ) {
        const record = this.#wanted;
        const reports = this.#reports;
        await this.#options.registry.publish(record);
        this.#isOurs = true;
        // A record that the registry reported during the write may be newer.
        if (reports === this.#reports) this.#known = textOf(record);
        this.#retryMs = FIRST_RETRY_MS;
        this.#reportTrouble(undefined);
        this.#options.onPublished(record);
      }
    } catch (error) {
      this.#reportTrouble((error as Error).message);
      if (!this.#isClosed) this.#timer = setTimeout(() => void this.#publish(), this.#retryMs);
      this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
    } finally {
      this.#isBusy = false;
    }
  }

  #reportTrouble(trouble: string | undefined): void {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    this.#options.onTrouble(trouble);
  }
}

function textOf({ keys, prefixes, ...rest }: NodeRecord): string {
  const { name, addresses, port, encryptsNode, sendsPlaintext, revoked } = rest;
  const keyTexts = keys.map(({ publicKey, generation }) => `${publicKey.toBase64()} ${generation}`);
  return JSON.stringify([
    name,
    addresses,
    port,
    keyTexts,
    prefixes.map(formatCidr),
    encryptsNode,
    sendsPlaintext,
    revoked,
  ]);
}

const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 30_000;
/**
 * In milliseconds. If no other writer has overwritten the record for this long, the overwrites are
 * counted from 0 again.
 */
const QUIET_MS = 120_000;
