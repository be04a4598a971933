/**
 * `MeshPeer`: another node of the cluster, as this node accepts it. What the daemon and the routes are
 * programmed from.
 *
 * @module
 */
import type { Cidr, Endpoint } from '@litz/core';
import type { NodeKey } from '../record/node-record.ts';

export interface MeshPeer {
  readonly name: string;
  /** One, or two during a rotation, the older one first. */
  readonly keys: readonly NodeKey[];
  /** The preferred underlay address and the port. */
  readonly endpoint: Endpoint;
  /** Of the node itself, as text, at most one of each family. */
  readonly addresses: readonly string[];
  /** Accepted ones only. */
  readonly prefixes: readonly Cidr[];
  readonly encryptsNode: boolean;
}
