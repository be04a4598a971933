/**
 * Transparent node-to-node encryption: every node makes its own key pair, and publishes the public
 * key in a registry. The agent programs the WireGuard daemon, the routes and the filters of its
 * node.
 *
 * @module
 */
export type { HostFacts, CniFacts, CniFamily } from './host/host-facts.ts';
export {
  MeshHostError,
  type Applied,
  type FactsRequest,
  type UnderlayRequest,
  type HostListener,
  type MeshHost,
} from './host/mesh-host.ts';
export type { MembershipContext } from './membership/membership-context.ts';
export {
  describeMembershipEvent,
  type LeaveReason,
  type MembershipEvent,
} from './membership/membership-event.ts';
export { Membership } from './membership/membership.ts';
export type { MeshPeer } from './membership/mesh-peer.ts';
export {
  DEFAULT_INTERFACE,
  DEFAULT_PORT,
  DEFAULT_PRIORITY,
  DEFAULT_TABLE,
  type DesiredHost,
  type DesiredRoutes,
  type RoutesDifference,
  type DesiredLink,
  type EncryptMode,
  type Enforcement,
  type MeshRequest,
  type OwnNode,
  type RoutedPeer,
  type Underlay,
} from './plan/desired-host.ts';
export { desireHost } from './plan/desire-host.ts';
export type { ActualHost, ActualLink } from './plan/actual-host.ts';
export type { MeshRoute, MeshRouteType } from './plan/mesh-route.ts';
export type { MeshRule } from './plan/mesh-rule.ts';
export { plan } from './plan/plan.ts';
export { describeStep, type Step } from './plan/step.ts';
export type {
  InterfaceStatus,
  KeyStatus,
  MeshStatus,
  NodeStatus,
  PeerState,
  PeerStatus,
  RegistryStatus,
  RotationStatus,
  StatusEvent,
  StatusSource,
} from './status/mesh-status.ts';
export { StatusPage, type StatusPageOptions } from './page/status-page.ts';
export {
  RecordError,
  type NodeKey,
  type NodeRecord,
  type ReadRecord,
} from './record/node-record.ts';
export { covers } from './record/cidr-relations.ts';
export { checkOwnNode, type OwnNodeClaim } from './record/own-node.ts';
export { FileRegistry, type FileRegistryOptions } from './registry/file/file-registry.ts';
export type { WatchDirectory } from './registry/file/directory-watch.ts';
export type {
  LitzNodeStatus,
  Registry,
  RegistryAddress,
  RegistryListener,
} from './registry/registry.ts';
export { LinuxHost, type LinuxHostOptions } from './host/linux-host.ts';
export { Agent } from './agent/agent.ts';
export { closeAsBefore, enforcedBefore, type StoredStateOptions } from './agent/close-as-before.ts';
export type { EnforcedRequest } from './agent/enforced-state.ts';
export { AgentLock, AgentLockError, type AgentLockOptions } from './agent/agent-lock.ts';
export type { AgentParts } from './agent/round-parts.ts';
export { AgentError } from './agent/agent-choices.ts';
export type { AgentSettings, Choices } from './agent/agent-settings.ts';
export { formatAge, formatStatus } from './status/format-status.ts';
export {
  sendControlRequest,
  type ControlAnswer,
  type ControlRequest,
} from './agent/control-request.ts';
export { ControlError, controlPath, ControlServer } from './agent/control-server.ts';
export {
  CniPrefixes,
  staticPrefixes,
  type PrefixListener,
  type PrefixSource,
} from './agent/prefix-source.ts';
export { KeyFileError, KeyStore, type KeyStoreOptions, type OwnKey } from './keys/key-store.ts';
export { RotationError } from './agent/node-keys.ts';
export {
  calicoRefusal,
  followCalicoBlocks,
  followCiliumPrefixes,
  type PrefixTextListener,
} from './registry/kubernetes/cni-prefixes.ts';
export {
  findClusterPrefixes,
  findServicePrefixes,
  type NodeToCover,
  type FoundPrefixes,
} from './registry/kubernetes/cluster-prefixes.ts';
export { findKubeAccess, type KubeAccessOptions } from './registry/kubernetes/find-access.ts';
export type { FollowOptions, Following } from './registry/kubernetes/following.ts';
export type { Clock } from './registry/clock.ts';
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
} from './registry/kubernetes/kubernetes-registry.ts';
export {
  DEFAULT_OPT_OUT,
  LabelSelector,
  type Labels,
} from './registry/kubernetes/label-selector.ts';
export {
  followOwnNode,
  type KubeNode,
  type KubeNodeListener,
} from './registry/kubernetes/own-node.ts';
export {
  keepRemovingStartTaint,
  removeStartTaint,
  START_TAINT,
  type StartTaintOptions,
} from './registry/kubernetes/start-taint.ts';
export { checkHost } from './host/check.ts';
export { formatCheckLine, holds, type CheckLine, type CheckRequest } from './host/check-line.ts';
export type { Flow } from './verify/frame.ts';
export { formatJudgement } from './verify/format-judgement.ts';
export {
  exitStatusOf,
  type Judgement,
  type PeerVerdict,
  type Sighting,
  type Verdict,
} from './verify/judge.ts';
export type { ProbeProtocol } from './verify/probe-plan.ts';
export { verifyMesh, type VerifyOptions } from './verify/verify-mesh.ts';
export type { DaemonClient } from './daemon/daemon-client.ts';
export { EventLog, type EventDetails } from './agent/event-log.ts';
export type { FileAccess } from './registry/file/file-access.ts';
export { KubePrefixes, type KubePrefixKind } from './agent/kube-prefixes.ts';
export { meshMetrics, MOST_PEER_SERIES } from './metrics/mesh-metrics.ts';
export {
  MetricSet,
  processMetrics,
  type Distribution,
  type MetricsText,
  type Sample,
} from './metrics/metric-set.ts';
export {
  TextServer,
  type ListenAddress,
  type ListenPath,
  type TextAnswer,
  type TextServerOptions,
} from './metrics/text-server.ts';
export { EtcdRegistry, type EtcdRegistryOptions } from './registry/etcd/etcd-registry.ts';
export type { EtcdUser } from './registry/etcd/etcd-client.ts';
export type { EtcdTlsFiles } from './registry/etcd/etcd-tls.ts';
export type { LookUp } from './registry/etcd/etcd-endpoints.ts';
