/**
 * `NodeRecord`: what a node says of itself in the registry, and what the others read of it.
 *
 * @module
 */
import type { Cidr, PublicKey } from '@litz/core';
import { quote } from '@litz/core/internals';

/** A static public key of a node. */
export interface NodeKey {
  readonly publicKey: PublicKey;
  /** Rises by one with each rotation of a node, to `MOST_GENERATION`. A record with a lower one is stale. */
  readonly generation: number;
  /** Unix time in milliseconds; 0 where nobody wrote it down. */
  readonly createdAt: number;
}

export interface NodeRecord {
  /** As the registry knows the node; unique in it. */
  readonly name: string;
  /** Addresses of the underlay, as text, at most one of each family; the first is the preferred one. */
  readonly addresses: readonly string[];
  /** UDP port of the data plane. */
  readonly port: number;
  /** One key, or during a rotation two, the older one first. */
  readonly keys: readonly NodeKey[];
  /** The prefixes of its pods. */
  readonly prefixes: readonly Cidr[];
  /** Traffic to the addresses of the node itself goes through the tunnel as well (modes `nodes` and `all`). */
  readonly encryptsNode: boolean;
  /** Thrown out on purpose: the peer goes at once, whatever its sessions do. */
  readonly revoked: boolean;
}

/** A record as it was read; a `RecordError` where it can't be used. */
export type ReadRecord = NodeRecord | RecordError;

/** Names the field that made a record unusable. */
export class RecordError extends Error {
  override readonly name = 'RecordError';
  readonly node: string;
  /** As it is written in the record: `prefixes[1]`. */
  readonly field: string;
  /** The message without node and field. */
  readonly reason: string;

  constructor(node: string, field: string, reason: string) {
    // What is no name of a node may be anything, a line of a log for instance.
    const shown = /^[\w.-]+$/.test(node) ? node : quote(node);
    super(`record of node ${shown}: ${field}: ${reason}`);
    this.node = node;
    this.field = field;
    this.reason = reason;
  }
}

/**
 * A node that rotates every minute is there after 1,900 years. Whoever writes more into a record of
 * somebody else would leave that node no generation above it.
 */
export const MOST_GENERATION = 1_000_000_000;
