/**
 * `Registry`: where the nodes of a cluster find each other. A directory, etcd or Kubernetes.
 *
 * @module
 */
import type { NodeRecord, ReadRecord } from '../record/node-record.ts';

/**
 * Hears what the registry holds. Calls come one after the other, in the order of the registry. A record
 * that says `revoked` is told as `onGone(name, 'deleted')`, also before the first `onSync`.
 */
export interface RegistryListener {
  /**
   * All that the registry holds and nobody has revoked: the first time, and after each time that the
   * registry couldn't be followed. What was told before and is missing now is told by `onGone` first.
   */
  onSync(records: ReadonlyMap<string, ReadRecord>): void;
  /** One node's record is new or has changed. Only after the first `onSync`. */
  onRecord(name: string, record: ReadRecord): void;
  /** `deleted`: on purpose, by somebody. `expired`: its lease ran out, nobody decided it. */
  onGone(name: string, why: 'deleted' | 'expired'): void;
  /** The way to the registry: `undefined` when it works, else what is wrong. Said when it changes. */
  onConnection(trouble: string | undefined): void;
}

/** An address of the registry's servers that must stay reachable without the tunnel. */
export interface RegistryAddress {
  /** Text of an IPv4 or IPv6 address. */
  readonly address: string;
  /** TCP port. */
  readonly port: number;
}

/** What a node says of itself beside its record; for people that look at the objects. */
export interface LitzNodeStatus {
  /** Of Litz. */
  readonly version: string;
  readonly encrypt: 'pods' | 'nodes' | 'all' | 'off';
  readonly enforcement: 'off' | 'permissive' | 'enforce';
  /** Empty when all is well. */
  readonly trouble: string;
}

/** All of them pass the same conformance suite. */
export interface Registry {
  /** `file:/shared/nodes`, for messages. */
  readonly description: string;
  /**
   * What it means that a record is missing in the first `onSync` that was there before this process
   * started. Kubernetes removes an object only when somebody deletes it. In the others a record that was
   * removed on purpose says `revoked`, and others can be missing for many reasons.
   */
  readonly missingMeans: 'deleted' | 'expired';
  /**
   * Follows the records until `close`. Reconnects by itself, for ever; `onConnection` tells.
   *
   * @throws {Error} it was called before
   */
  follow(listener: RegistryListener): void;
  /**
   * Writes the own record: one write, none where the registry holds the same already. Fields that
   * this version doesn't know survive.
   *
   * @throws {Error} it can't be written; the message says what is missing
   */
  publish(record: NodeRecord): Promise<void>;
  /**
   * Writes how the node is, beside its record: one write, none where that stands there already. Left out
   * where the registry has no place for it.
   */
  publishStatus?(name: string, status: LitzNodeStatus): Promise<void>;
  /**
   * Takes the own record out on purpose, so that the others remove the peer at once. A `publish` that is
   * under way comes before it.
   */
  withdraw(name: string): Promise<void>;
  /** The servers behind the registry, real addresses; none for a directory. */
  addresses(): Promise<readonly RegistryAddress[]>;
  /** Ends the watch and the connections. A record stays as it is. */
  close(): Promise<void>;
}
