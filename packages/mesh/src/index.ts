/**
 * Transparent node-to-node encryption: every node makes its key, keys travel through a registry, and
 * the agent programs the WireGuard daemon, the routes and the filters of its node.
 *
 * @module
 */
export type { MeshPeer } from './membership/mesh-peer.ts';
export {
  RecordError,
  type NodeKey,
  type NodeRecord,
  type ReadRecord,
} from './record/node-record.ts';
export type { Registry, RegistryAddress, RegistryListener } from './registry/registry.ts';
