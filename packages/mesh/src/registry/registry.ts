/**
 * `Registry`: the place where the nodes of a cluster find each other: a directory, etcd or
 * Kubernetes.
 *
 * @module
 */
import type { NodeRecord, ReadRecord } from '../record/node-record.ts';

/**
 * Receives the records of the registry. Calls come one after the other, in the order of the
 * registry. A record with `revoked: true` is reported as `onGone(name, 'deleted')`, even before the
 * first `onSync`.
 */
export interface RegistryListener {
  /**
   * Called with all records that are not revoked: at the start, and each time the registry can be
   * followed again after a failure. Records that were reported before and are missing now are
   * reported by `onGone` first.
   */
  onSync(records: ReadonlyMap<string, ReadRecord>): void;
  /** Called when the record of one node is new or has changed. Only after the first `onSync`. */
  onRecord(name: string, record: ReadRecord): void;
  /**
   * Called when a record is gone. `deleted`: it was removed on purpose. `expired`: its lease ran
   * out, without anyone's decision.
   */
  onGone(name: string, why: 'deleted' | 'expired'): void;
  /**
   * Called when the state of the connection changes: undefined if the registry works, else what is
   * wrong.
   */
  onConnection(trouble: string | undefined): void;
}

/** An address of the registry's servers. It must stay reachable without the tunnel. */
export interface RegistryAddress {
  /** An IPv4 or IPv6 address as text. */
  readonly address: string;
  /** TCP port. */
  readonly port: number;
}

/**
 * The status that a node publishes beside its record, for people who look at the registry's
 * objects.
 */
export interface LitzNodeStatus {
  /** The version of Litz. */
  readonly version: string;
  readonly encrypt: 'pods' | 'nodes' | 'all' | 'off';
  readonly enforcement: 'off' | 'permissive' | 'enforce';
  /** What is wrong now. Empty: nothing. */
  readonly trouble: string;
}

/** Every implementation passes the same conformance tests. */
export interface Registry {
  /** The registry's name in messages, for example `file:/shared/nodes`. */
  readonly description: string;
  /**
   * What it means if a record that existed before this process started is missing from the first
   * `onSync`. Kubernetes removes an object only when someone deletes it. In the other registries, a
   * record that was removed on purpose stays and says `revoked`, and a record can be missing for
   * many other reasons.
   */
  readonly missingMeans: 'deleted' | 'expired';
  /**
   * Follows the records until `close`. Reconnects by itself, without limit, and reports failures
   * through `onConnection`.
   *
   * @throws {Error} `follow` was called before
   */
  follow(listener: RegistryListener): void;
  /**
   * Writes the own record: one write, or none if the registry has the same content. Fields that
   * this version does not know stay.
   *
   * @throws {Error} the record cannot be written; the message says what is missing
   */
  publish(record: NodeRecord): Promise<void>;
  /**
   * Writes the status of the node beside its record: one write, or none if it is unchanged. Absent
   * if the registry has no place for a status.
   */
  publishStatus?(name: string, status: LitzNodeStatus): Promise<void>;
  /**
   * Removes the own record on purpose, so that the other nodes remove the peer at once. A `publish`
   * in progress is finished before.
   */
  withdraw(name: string): Promise<void>;
  /** Returns the real addresses of the registry's servers. Empty for a directory. */
  addresses(): Promise<readonly RegistryAddress[]>;
  /** Ends the watch and the connections. The own record stays as it is. */
  close(): Promise<void>;
}
