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
  /**
   * Whether this process has published since it wanted a record. The first time it publishes an unchanged
   * record too: the registry writes nothing then, but renews the lease of the process before.
   */
  #isOurs = false;
  #isBusy = false;
  #trouble: string | undefined = undefined;
  #retryMs: number = FIRST_RETRY_MS;
  #timer: NodeJS.Timeout | undefined = undefined;
  /** How often the registry told of something else than was known. */
  #heard = 0;
  /** How often somebody else has written it, without a quiet time in between. */
  #contests = 0;
  /** Somebody else writes it again and again: it waits before it is written again. */
  #isResting = false;
  #quietTimer: NodeJS.Timeout | undefined = undefined;
  #isClosed = false;

  constructor(options: RecordPublisherOptions) {
    this.#options = options;
  }

  /** The registry holds this; undefined: no record. */
  seen(record: NodeRecord | undefined): void {
    const text = record && textOf(record);
    if (text !== this.#known) this.#heard++;
    const isContest = this.#known !== undefined && text !== this.#known;
    this.#known = text;
    if (isContest && this.isBehind) this.#noteContest();
    void this.#publish();
  }

  /** It is to hold this. What the registry has just refused waits until it is tried again. */
  want(record: NodeRecord): void {
    const isRefused = this.#trouble !== undefined && this.#wanted !== undefined;
    const isSame = isRefused && textOf(this.#wanted!) === textOf(record);
    this.#wanted = record;
    if (!isSame) void this.#publish();
  }

  /** It is to hold nothing of ours, and nothing more is written until something is wanted again. */
  drop(): void {
    this.#stopTimers();
    this.#wanted = undefined;
    this.#known = undefined;
    this.#isOurs = false;
  }

  /** Whether the registry holds something else than the record that is wanted. */
  get isBehind(): boolean {
    return this.#wanted !== undefined && textOf(this.#wanted) !== this.#known;
  }

  /** Writes no more. */
  close(): void {
    this.#isClosed = true;
    this.#stopTimers();
  }

  /**
   * Of two nodes that have one name each undoes what the other one writes. The first time that is done at
   * once, for a mistake; from then on with pauses that grow, so that a registry can bear it.
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
        const heard = this.#heard;
        await this.#options.registry.publish(record);
        this.#isOurs = true;
        // What was told meanwhile may be newer than that.
        if (heard === this.#heard) this.#known = textOf(record);
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
/** Nobody else has written it for so long: whoever did does so no more. */
const QUIET_MS = 120_000;
