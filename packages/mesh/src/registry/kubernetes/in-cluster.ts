/**
 * `inClusterAccess`: returns how a pod reaches the API server, with the token of its service
 * account.
 *
 * @module
 */
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { systemClock, type Clock } from '../clock.ts';
import { FileCredential } from './credential.ts';
import type { KubeAccess } from './kube-access.ts';
import { KubeError } from './kube-error.ts';

export interface InClusterOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The directory in which the kubelet puts the token and the CA certificate. */
  readonly directory?: string;
  readonly clock?: Clock;
}

/**
 * Returns true if this process runs in a pod. In a pod, the kubelet sets the address of the API
 * server in the environment variables.
 *
 * @param env the environment variables
 */
export function isInCluster(env: Readonly<Record<string, string | undefined>>): boolean {
  return Boolean(env['KUBERNETES_SERVICE_HOST'] && env['KUBERNETES_SERVICE_PORT']);
}

/**
 * Returns how this pod reaches the API server.
 *
 * @throws {KubeError} this process does not run in a pod
 */
export function inClusterAccess(options: InClusterOptions = {}): KubeAccess {
  const { env = process.env, directory = SERVICE_ACCOUNT, clock = systemClock } = options;
  if (!isInCluster(env)) {
    throw new KubeError(
      'no Kubernetes API server is configured: KUBERNETES_SERVICE_HOST and ' +
        'KUBERNETES_SERVICE_PORT are not set, and no kubeconfig is given',
    );
  }
  const host = env['KUBERNETES_SERVICE_HOST']!;
  const server = `https://${isIPv6(host) ? `[${host}]` : host}:${env['KUBERNETES_SERVICE_PORT']}`;
  return {
    description: 'in-cluster',
    server: new URL(server),
    authority: new FileCredential(join(directory, 'ca.crt'), clock),
    token: new FileCredential(join(directory, 'token'), clock),
  };
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
