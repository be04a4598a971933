/**
 * `MemoryRegistry`: a registry in memory that a test controls.
 *
 * @module
 */
import { isDeepStrictEqual } from 'node:util';
import type { NodeRecord, ReadRecord } from '../../src/record/node-record.ts';
import type {
  LitzNodeStatus,
  Registry,
  RegistryAddress,
  RegistryListener,
} from '../../src/registry/registry.ts';

export class MemoryRegistry implements Registry {
  readonly description = 'memory';
  missingMeans: 'deleted' | 'expired' = 'expired';
  readonly records: Map<string, ReadRecord> = new Map();
  /** The records that the agent has written, in order. */
  readonly written: NodeRecord[] = [];
  /** The statuses that the agent has written, with their times. */
  readonly statuses: (LitzNodeStatus & { readonly at: number })[] = [];
  statusRefusal: string | undefined = undefined;
  /** `publish`, `withdraw` and `addresses` wait for this promise. */
  gate: Promise<void> = Promise.resolve();
  /** If defined, each write and each call of `addresses` fails with this error. */
  trouble: string | undefined = undefined;
  serverAddresses: readonly RegistryAddress[] = [];
  isClosed = false;
  readonly #log: (line: string) => void;
  #listener: RegistryListener | undefined = undefined;

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  follow(listener: RegistryListener): void {
    this.#listener = listener;
  }

  /** Reports a complete list, for the first time or again. */
  sync(): void {
    this.trouble = undefined;
    this.#listener?.onConnection(undefined);
    this.#listener?.onSync(new Map(this.records));
  }

  isLost(trouble = 'connection refused'): void {
    this.trouble = trouble;
    this.#listener?.onConnection(trouble);
  }

  /** Writes a record as another node would. */
  has(name: string, record: ReadRecord): void {
    this.records.set(name, record);
    this.#listener?.onRecord(name, record);
  }

  loses(name: string, why: 'deleted' | 'expired'): void {
    this.records.delete(name);
    this.#listener?.onGone(name, why);
  }

  async publish(record: NodeRecord): Promise<void> {
    await this.gate;
    if (this.trouble !== undefined) throw new Error(this.trouble);
    // An unchanged record is not written again.
    if (isDeepStrictEqual(this.records.get(record.name), record)) return;
    this.written.push(record);
    this.#log(`registry: ${record.keys.map(({ generation }) => generation).join(' ')}`);
    this.has(record.name, record);
  }

  async publishStatus(name: string, status: LitzNodeStatus): Promise<void> {
    if (this.trouble !== undefined) throw new Error(this.trouble);
    if (this.statusRefusal !== undefined) throw new Error(this.statusRefusal);
    this.statuses.push({ ...status, at: Date.now() });
    await Promise.resolve();
    this.#listener?.onRecord(name, this.records.get(name)!);
  }

  async withdraw(name: string): Promise<void> {
    await this.gate;
    if (this.trouble !== undefined) throw new Error(this.trouble);
    this.#log('registry: withdrawn');
    this.loses(name, 'deleted');
  }

  async addresses(): Promise<readonly RegistryAddress[]> {
    await this.gate;
    if (this.trouble !== undefined) throw new Error(this.trouble);
    return this.serverAddresses;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.#listener = undefined;
    await Promise.resolve();
  }
}
