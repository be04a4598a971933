/**
 * `Registry`: the place where the nodes of a cluster find each other: a directory, etcd or
 * Kubernetes.
 *
 * @module
 */
import type { NodeRecord, ReadRecord } from '../record/node-record.ts';

/**
 * Receives the records of the registry. Calls come one after the other. The calls for one record
 * come in the order of its changes. A record with `revoked: true` is reported as
 * `onGone(name, 'deleted')`, even before the first `onSync`.
 */
export interface RegistryListener {
  /**
   * Called with all records that are not revoked: at the start, and each time the registry can be
   * followed again after a failure. Before this call, `onGone` is called for each record that was
   * reported before and is missing now.
   */
  onSync(records: ReadonlyMap<string, ReadRecord>): void;
  /**
   * Called when the record of one node is new or has changed. It is never called before the first
   * `onSync`.
   */
  onRecord(name: string, record: ReadRecord): void;
  /**
   * Called when a record is gone. `deleted`: it was removed on purpose. `expired`: it was not
   * removed on purpose; its lease ran out, for example.
   */
  onGone(name: string, why: 'deleted' | 'expired'): void;
  /**
   * Called when the state of the connection changes. `trouble` says what is wrong. It is undefined
   * while the registry works.
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
  /** What is wrong now; empty if nothing is wrong. */
  readonly trouble: string;
}

/** Every implementation passes the same conformance tests. */
export interface Registry {
  /** The registry's name in messages, for example `file:/shared/nodes`. */
  readonly description: string;
  /**
   * What it means if a record that existed before this process started is missing from the first
   * `onSync`. Kubernetes removes an object only when someone deletes it. In a directory and in
   * etcd, a record that was removed on purpose stays and says `revoked`, so a missing record was
   * probably not removed on purpose.
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
   * Writes the record of this node: one write, or none if the registry has the same content. Fields
   * that this version does not know stay.
   *
   * @throws {Error} the record cannot be written; the message says what is missing
   */
  publish(record: NodeRecord): Promise<void>;
  /**
   * Writes the status of the node beside its record: one write, or none if the status is unchanged.
   * This function is absent if the registry has no place for a status.
   */
  publishStatus?(name: string, status: LitzNodeStatus): Promise<void>;
  /**
   * Removes the record of this node on purpose. The other nodes then remove this node as a peer
   * at once. A `publish` in progress is finished first.
   */
  withdraw(name: string): Promise<void>;
  /** Returns the real addresses of the registry's servers. The list is empty for a directory. */
  addresses(): Promise<readonly RegistryAddress[]>;
  /** Ends the watch and the connections. The record of this node stays as it is. */
  close(): Promise<void>;
}
