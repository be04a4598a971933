/**
 * `OwnRecord`: tracks the record of this node in the registry, and publishes the record that the
 * registry must have.
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
  /** Called when the registry has accepted the record. */
  readonly onPublished: () => void;
}

export class OwnRecord {
  readonly #events: EventLog;
  readonly #publisher: RecordPublisher;
  /**
   * What the registry has: the record, or `none`. `removed`: it has none, because another party
   * removed the record on purpose. Undefined while it is not known.
   */
  #stored: NodeRecord | 'none' | 'removed' | undefined = undefined;

  constructor({ registry, events, onPublished }: OwnRecordOptions) {
    this.#events = events;
    this.#publisher = new RecordPublisher({
      registry,
      onTrouble: (trouble) => events.trouble('own record', trouble),
      onPublished: (record) => {
        // A node that was removed during this write must stay out of the mesh.
        if (this.#stored === 'removed') return;
        this.#stored = record;
        events.log(`wrote the record: ${describeRecord(record)}`);
        onPublished();
      },
    });
  }

  /**
   * The keys in the record. Empty if there is no record; undefined while the record is not known.
   */
  get keys(): readonly NodeKey[] | undefined {
    if (this.#stored === undefined) return undefined;
    return typeof this.#stored === 'string' ? [] : this.#stored.keys;
  }

  /** True if the registry has a record of this node. */
  get isStored(): boolean {
    return this.#stored !== undefined && typeof this.#stored !== 'string';
  }

  /**
   * Takes the record from a complete read of the registry. A node that was removed by another party
   * stays out until the registry has a record of it again.
   */
  sync(record: ReadRecord | undefined): void {
    if (record || this.#stored !== 'removed') this.#see(record);
  }

  /**
   * Takes the record as the registry reports it. This node, an administrator or another node with
   * the same name may have written it.
   */
  recordSeen(record: ReadRecord): void {
    this.#see(record);
  }

  /**
   * Notes that the record is no longer in the registry.
   *
   * @param isRemoved true: another party removed the record, so this node stays out until the
   *   registry has a record of it again or its agent restarts; false: the record is published again
   */
  gone({ isRemoved }: { readonly isRemoved: boolean }): void {
    this.#stored = isRemoved ? 'removed' : 'none';
    if (!isRemoved) return this.#publisher.seen(undefined);
    // A node that was removed on purpose must stay out.
    this.#publisher.drop();
    this.#events.trouble('own record', REMOVED);
  }

  /** Publishes this record if the registry does not have it yet. */
  want(record: NodeRecord): void {
    if (this.#stored !== 'removed') this.#publisher.want(record);
  }

  /** Stops publishing. */
  close(): void {
    this.#publisher.close();
  }

  /** Takes the record that the registry has now. A record that cannot be read is written again. */
  #see(record: ReadRecord | undefined): void {
    const readable = record instanceof RecordError ? undefined : record;
    if (this.#stored === 'removed') this.#events.trouble('own record', undefined);
    this.#stored = readable ?? 'none';
    this.#publisher.seen(readable);
  }
}

function describeRecord({ keys, prefixes }: NodeRecord): string {
  const generations = keys.map(({ generation }) => generation).join(' and ');
  return `generation ${generations}, pods ${prefixes.map(formatCidr).join(' ') || 'none'}`;
}

const REMOVED =
  'this node was removed from the registry and stays out of the mesh. ' +
  'To join again, restart the agent. ' +
  'If the registry still has a record of this node that says "revoked", ' +
  'remove "revoked" from it first';
