/**
 * `OwnRecord`: the record of this node, as the registry has it and as it is to have it.
 *
 * @module
 */
import { formatCidr } from '@litz/core';
import {
  RecordError,
  type NodeKey,
  type NodeRecord,
  type ReadRecord,
} from '../record/node-record.ts';
import type { Registry } from '../registry/registry.ts';
import type { EventLog } from './event-log.ts';
import { RecordPublisher } from './record-publisher.ts';

export interface OwnRecordOptions {
  readonly registry: Pick<Registry, 'publish'>;
  readonly events: EventLog;
  /** The registry has it now. */
  readonly onPublished: () => void;
}

export class OwnRecord {
  readonly #events: EventLog;
  readonly #publisher: RecordPublisher;
  /** Undefined while it is not known what the registry has. */
  #present: NodeRecord | 'none' | 'thrown-out' | undefined = undefined;

  constructor({ registry, events, onPublished }: OwnRecordOptions) {
    this.#events = events;
    this.#publisher = new RecordPublisher({
      registry,
      onTrouble: (trouble) => events.trouble('own record', trouble),
      onPublished: (record) => {
        // It was on its way when somebody took the node out.
        if (this.#present === 'thrown-out') return;
        this.#present = record;
        events.say(`wrote the record: ${describeRecord(record)}`);
        onPublished();
      },
    });
  }

  /** Of the record; none where there is no record, undefined while that is not known. */
  get keys(): readonly NodeKey[] | undefined {
    if (this.#present === undefined) return undefined;
    return typeof this.#present === 'string' ? [] : this.#present.keys;
  }

  /** The registry has one. */
  get isThere(): boolean {
    return this.#present !== undefined && typeof this.#present !== 'string';
  }

  /** A whole reading of the registry has this. Whoever was thrown out stays out. */
  sync(record: ReadRecord | undefined): void {
    if (this.#present !== 'thrown-out') this.#see(record);
  }

  /** Somebody wrote it: this node, or another one that calls itself the same. */
  told(record: ReadRecord): void {
    this.#see(record);
  }

  /** It is not in the registry any more. A node that left by itself comes back with its next start. */
  gone({ isThrownOut }: { readonly isThrownOut: boolean }): void {
    this.#present = isThrownOut ? 'thrown-out' : 'none';
    if (!isThrownOut) return this.#publisher.seen(undefined);
    // Whoever took this node out is to be sure of it.
    this.#publisher.drop();
    this.#events.trouble('own record', THROWN_OUT);
  }

  /** The registry is to hold this. */
  want(record: NodeRecord): void {
    if (this.#present !== 'thrown-out') this.#publisher.want(record);
  }

  /** Writes no more. */
  close(): void {
    this.#publisher.close();
  }

  /** A record of ours that can't be read is written anew. */
  #see(record: ReadRecord | undefined): void {
    const readable = record instanceof RecordError ? undefined : record;
    if (this.#present === 'thrown-out') this.#events.trouble('own record', undefined);
    this.#present = readable ?? 'none';
    this.#publisher.seen(readable);
  }
}

function describeRecord({ keys, prefixes }: NodeRecord): string {
  const generations = keys.map(({ generation }) => generation).join(' and ');
  return `generation ${generations}, pods ${prefixes.map(formatCidr).join(' ') || 'none'}`;
}

const THROWN_OUT =
  'somebody took this node out of the registry, and it stays out. To join again, start the agent ' +
  'again; where the record is there and says "revoked", take that out of it first';
