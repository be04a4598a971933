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
export {
  calicoRefusal,
  followCalicoBlocks,
  followCiliumPrefixes,
  type PrefixListener,
} from './registry/kubernetes/cni-prefixes.ts';
export { findKubeAccess, type KubeAccessOptions } from './registry/kubernetes/find-access.ts';
export type { FollowOptions, Following } from './registry/kubernetes/following.ts';
export type { Clock } from './registry/kubernetes/clock.ts';
export type { Credential } from './registry/kubernetes/credential.ts';
export type { KubeAccess } from './registry/kubernetes/kube-access.ts';
export {
  KubeApi,
  type JsonChange,
  type KubeApiOptions,
  type ListPage,
  type Selection,
  type WatchEvent,
  type WatchOptions,
} from './registry/kubernetes/kube-api.ts';
export { KubeError, type KubeErrorDetails } from './registry/kubernetes/kube-error.ts';
export type {
  KubeMetadata,
  KubeObject,
  KubeOwnerReference,
  KubeResource,
} from './registry/kubernetes/kube-resource.ts';
export {
  KubernetesRegistry,
  type KubernetesRegistryOptions,
  type LitzNodeStatus,
} from './registry/kubernetes/kubernetes-registry.ts';
export { DEFAULT_OPT_OUT, LabelSelector } from './registry/kubernetes/label-selector.ts';
export {
  followOwnNode,
  type OwnNode,
  type OwnNodeListener,
} from './registry/kubernetes/own-node.ts';
export { removeStartTaint, START_TAINT } from './registry/kubernetes/start-taint.ts';
