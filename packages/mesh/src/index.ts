/**
 * Transparent node-to-node encryption: every node makes its key, keys travel through a registry, and
 * the agent programs the WireGuard daemon, the routes and the filters of its node.
 *
 * @module
 */
export { RecordError, type NodeKey, type NodeRecord } from './record/node-record.ts';
export type {
  ReadRecord,
  Registry,
  RegistryAddress,
  RegistryListener,
} from './registry/registry.ts';
