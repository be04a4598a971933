/**
 * `NodeRecord`: what a node publishes about itself in the registry, and what the other nodes read.
 *
 * @module
 */
import type { Cidr, PublicKey } from '@litz/core';
import { quote } from '@litz/core/internals';

/** A static public key of a node, with its generation. */
export interface NodeKey {
  readonly publicKey: PublicKey;
  /**
   * Rises by one with each rotation of the node, up to `MOST_GENERATION`. A record is outdated if
   * its newest generation is lower than a generation that was seen before. But the record is not
   * outdated if its newest key was created later than the keys that were seen before: then the node
   * has lost its key files and has started again with generation 1.
   */
  readonly generation: number;
  /** Unix time in milliseconds. 0 if the record does not contain this time. */
  readonly createdAt: number;
}

/** The record of a node in the registry. Immutable. */
export interface NodeRecord {
  /** The name of the node, unique in the registry. */
  readonly name: string;
  /** The underlay addresses as text: at most one per family, the preferred one first. */
  readonly addresses: readonly string[];
  /** The UDP port on which the node's daemon receives. */
  readonly port: number;
  /** One key, or two during a rotation, the older one first. */
  readonly keys: readonly NodeKey[];
  /** The prefixes of the node's pods. */
  readonly prefixes: readonly Cidr[];
  /**
   * True if nodes in the mode `nodes` send packets to the addresses of this node through the
   * tunnel. False if `--opt-out` or a label of the node excludes this node from the mode `nodes`.
   */
  readonly encryptsNode: boolean;
  /** True if the node encrypts nothing that it sends, because its enforcement is `off`. */
  readonly sendsPlaintext: boolean;
  /**
   * True if the node was removed on purpose. Its peer is removed at once, even if the peer still
   * has sessions.
   */
  readonly revoked: boolean;
}

/** A record that was read, or a `RecordError` if it cannot be used. */
export type ReadRecord = NodeRecord | RecordError;

/** A record cannot be used. The error names the node, the field and the reason. */
export class RecordError extends Error {
  override readonly name = 'RecordError';
  readonly node: string;
  /** The name of the field in the record, for example `prefixes[1]`. */
  readonly field: string;
  /** The message without node and field. */
  readonly reason: string;

  constructor(node: string, field: string, reason: string) {
    // An invalid name may be any text, even a forged log line, so it is quoted.
    const shown = /^[\w.-]+$/.test(node) ? node : quote(node);
    // A registry may have thousands of bad records, and a stack trace takes most of a kilobyte.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(`record of node ${shown}: ${field}: ${reason}`);
    Error.stackTraceLimit = stackTraceLimit;
    this.node = node;
    this.field = field;
    this.reason = reason;
  }
}

/**
 * The highest generation. A node that rotates every minute reaches it after 1,900 years. A record
 * with a higher generation is refused. So an attacker who writes records cannot make a node use a
 * generation that is not an exact number, or does not fit into the name of a key file.
 */
export const MOST_GENERATION = 1_000_000_000;
