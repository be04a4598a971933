/**
 * Transparent node-to-node encryption: every node makes its key, keys travel through a registry, and
 * the agent programs the WireGuard daemon, the routes and the filters of its node.
 *
 * @module
 */
export type { MembershipContext } from './membership/membership-context.ts';
export {
  describeMembershipEvent,
  type LeaveReason,
  type MembershipEvent,
} from './membership/membership-event.ts';
export { Membership } from './membership/membership.ts';
export type { MeshPeer } from './membership/mesh-peer.ts';
export {
  RecordError,
  type NodeKey,
  type NodeRecord,
  type ReadRecord,
} from './record/node-record.ts';
export { FileRegistry, type FileRegistryOptions } from './registry/file/file-registry.ts';
export type { Registry, RegistryAddress, RegistryListener } from './registry/registry.ts';
