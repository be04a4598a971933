/**
 * `MeshPeer`: another node of the cluster that this node accepts. The daemon and the routes are
 * configured from this object.
 *
 * @module
 */
import type { Cidr, Endpoint } from '@litz/core';
import type { NodeKey } from '../record/node-record.ts';

/** An accepted node. Immutable: a change makes a new object. */
export interface MeshPeer {
  readonly name: string;
  /** One key, or two during a rotation, the older one first. */
  readonly keys: readonly NodeKey[];
  /** The first underlay address of a family that this node has, and the UDP port. */
  readonly endpoint: Endpoint;
  /** The addresses of the node itself, as text: at most one per family. */
  readonly addresses: readonly string[];
  /** The prefixes of its pods: all prefixes in its record. */
  readonly prefixes: readonly Cidr[];
  readonly encryptsNode: boolean;
  /** True if the node encrypts nothing that it sends, because its enforcement is `off`. */
  readonly sendsPlaintext: boolean;
}
