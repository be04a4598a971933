/**
 * Transparent node-to-node encryption: every node makes its key, keys travel through a registry, and
 * the agent programs the WireGuard daemon, the routes and the filters of its node.
 *
 * @module
 */
export type { HostFacts, CniFacts, CniFamily } from './host/host-facts.ts';
export {
  MeshHostError,
  type Applied,
  type FactsRequest,
  type HostListener,
  type MeshHost,
} from './host/mesh-host.ts';
export type { MeshPeer } from './membership/mesh-peer.ts';
export {
  DEFAULT_INTERFACE,
  DEFAULT_PORT,
  type DesiredHost,
  type EncryptMode,
  type Enforcement,
  type MeshRequest,
  type OwnNode,
  type RoutedPeer,
  type Underlay,
} from './plan/desired-host.ts';
export { desireHost } from './plan/desire-host.ts';
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
export { FileRegistry, type FileRegistryOptions } from './registry/file/file-registry.ts';
export type { Registry, RegistryAddress, RegistryListener } from './registry/registry.ts';
export { LinuxHost, type LinuxHostOptions } from './host/linux-host.ts';
