/**
 * The kinds of objects that an agent reads or writes.
 *
 * @module
 */
import type { KubeResource } from './kube-resource.ts';

/** A record: one for each node, named after it. */
export const LITZ_NODES: KubeResource = {
  group: 'litz.dev',
  version: 'v1',
  plural: 'litznodes',
  kind: 'LitzNode',
  missing: 'apply crds/litznodes.yaml of the Helm chart litz',
};

export const CILIUM_NODES: KubeResource = {
  group: 'cilium.io',
  version: 'v2',
  plural: 'ciliumnodes',
  kind: 'CiliumNode',
  missing: 'it comes with Cilium',
};

export const NODES: KubeResource = { group: '', version: 'v1', plural: 'nodes', kind: 'Node' };

/** Of the API server itself there is one in this namespace. */
export const ENDPOINT_SLICES: KubeResource = {
  group: 'discovery.k8s.io',
  version: 'v1',
  plural: 'endpointslices',
  kind: 'EndpointSlice',
  namespace: 'default',
};

/** Which node has which block of Calico's addresses. */
export const BLOCK_AFFINITIES: KubeResource = {
  group: 'crd.projectcalico.org',
  version: 'v1',
  plural: 'blockaffinities',
  kind: 'BlockAffinity',
  missing: 'it comes with Calico, where its data is kept in Kubernetes',
};

/** Whether a node of Calico's may borrow addresses of another one's block; one object, `default`. */
export const IPAM_CONFIGS: KubeResource = {
  group: 'crd.projectcalico.org',
  version: 'v1',
  plural: 'ipamconfigs',
  kind: 'IPAMConfig',
  missing: 'it comes with Calico, where its data is kept in Kubernetes',
};

/** Where Calico gives its pods addresses from. */
export const IP_POOLS: KubeResource = {
  group: 'crd.projectcalico.org',
  version: 'v1',
  plural: 'ippools',
  kind: 'IPPool',
  missing: 'it comes with Calico, where its data is kept in Kubernetes',
};

/** Where services have their addresses; since Kubernetes 1.33. */
export const SERVICE_CIDRS: KubeResource = {
  group: 'networking.k8s.io',
  version: 'v1',
  plural: 'servicecidrs',
  kind: 'ServiceCIDR',
  missing: 'it comes with Kubernetes 1.33',
};

/** Settings of the cluster are in some of them. */
export const CONFIG_MAPS: KubeResource = {
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  namespace: 'kube-system',
};

/** Of the control plane, where it runs in pods. */
export const PODS: KubeResource = {
  group: '',
  version: 'v1',
  plural: 'pods',
  kind: 'Pod',
  namespace: 'kube-system',
};
