/**
 * `RegistryPlace`: names a registry as plain data, so that several processes can open the same
 * registry.
 *
 * @module
 */
import {
  EtcdRegistry,
  findKubeAccess,
  KubeApi,
  KubernetesRegistry,
  type Registry,
} from '@litz/mesh';

export type RegistryPlace =
  | { readonly type: 'etcd'; readonly url: string }
  | { readonly type: 'kubernetes'; readonly kubeconfig: string };

/** Opens a client of the registry. The caller closes it. */
export function openRegistry(place: RegistryPlace): Registry {
  if (place.type === 'etcd') return new EtcdRegistry(place.url);
  return new KubernetesRegistry(openKubeApi(place.kubeconfig));
}

/** Returns a client of the Kubernetes API that a kubeconfig file describes. */
export function openKubeApi(kubeconfig: string): KubeApi {
  return new KubeApi(findKubeAccess({ kubeconfig }));
}

/** Returns the flags of `litz agent` for the registry. */
export function registryFlags(place: RegistryPlace): string[] {
  return place.type === 'etcd'
    ? ['--registry', place.url]
    : ['--registry', 'kubernetes', '--kubeconfig', place.kubeconfig];
}
