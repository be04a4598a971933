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
