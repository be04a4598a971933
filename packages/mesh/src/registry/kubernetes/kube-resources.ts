/**
 * The kinds of Kubernetes objects that an agent reads or writes.
 *
 * @module
 */
import type { KubeResource } from './kube-resource.ts';

/** Litz's records of nodes: one object for each node, with the node's name. */
export const LITZ_NODES: KubeResource = {
  group: 'litz.dev',
  version: 'v1',
  plural: 'litznodes',
  kind: 'LitzNode',
  missing: 'apply crds/litznodes.yaml of the Helm chart litz',
};

/** Cilium's records of nodes: one object for each node, with the node's name. */
export const CILIUM_NODES: KubeResource = {
  group: 'cilium.io',
  version: 'v2',
  plural: 'ciliumnodes',
  kind: 'CiliumNode',
  missing: 'it comes with Cilium',
};

/** The Nodes of Kubernetes. */
export const NODES: KubeResource = { group: '', version: 'v1', plural: 'nodes', kind: 'Node' };

/**
 * The endpoint slices of the namespace `default`. One of them has the addresses of the API server.
 */
export const ENDPOINT_SLICES: KubeResource = {
  group: 'discovery.k8s.io',
  version: 'v1',
  plural: 'endpointslices',
  kind: 'EndpointSlice',
  namespace: 'default',
};

/** Says which node has which block of Calico's addresses. */
export const BLOCK_AFFINITIES: KubeResource = {
  group: 'crd.projectcalico.org',
  version: 'v1',
  plural: 'blockaffinities',
  kind: 'BlockAffinity',
  missing: 'it exists where Calico keeps its data in Kubernetes',
};

/**
 * Says whether a node may use addresses of another node's block in Calico. There is one object,
 * `default`.
 */
export const IPAM_CONFIGS: KubeResource = {
  group: 'crd.projectcalico.org',
  version: 'v1',
  plural: 'ipamconfigs',
  kind: 'IPAMConfig',
  missing: 'it exists where Calico keeps its data in Kubernetes',
};

/** The prefixes from which Calico assigns addresses to pods. */
export const IP_POOLS: KubeResource = {
  group: 'crd.projectcalico.org',
  version: 'v1',
  plural: 'ippools',
  kind: 'IPPool',
  missing: 'it exists where Calico keeps its data in Kubernetes',
};

/** The prefixes of the services, since Kubernetes 1.33. */
export const SERVICE_CIDRS: KubeResource = {
  group: 'networking.k8s.io',
  version: 'v1',
  plural: 'servicecidrs',
  kind: 'ServiceCIDR',
  missing: 'it comes with Kubernetes 1.33',
};

/** The config maps of the namespace `kube-system`. Some of them have settings of the cluster. */
export const CONFIG_MAPS: KubeResource = {
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  namespace: 'kube-system',
};

/** The pods of the control plane, if it runs in pods. */
export const PODS: KubeResource = {
  group: '',
  version: 'v1',
  plural: 'pods',
  kind: 'Pod',
  namespace: 'kube-system',
};
