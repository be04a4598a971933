/**
 * `findKubeAccess`: finds the API server: from the given kubeconfig, else from KUBECONFIG, else
 * from the pod's service account, else from the user's kubeconfig.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { systemClock, type Clock } from '../clock.ts';
import { inClusterAccess, isInCluster } from './in-cluster.ts';
import type { KubeAccess } from './kube-access.ts';
import { KubeError } from './kube-error.ts';
import { readKubeConfig } from './kube-config.ts';

/** Where `findKubeAccess` looks for the access to Kubernetes, and which context it uses. */
export interface KubeAccessOptions {
  /** The path of a kubeconfig. */
  readonly kubeconfig?: string;
  /** The context of the kubeconfig. Default: its current context. */
  readonly context?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly home?: string;
  readonly clock?: Clock;
}

/**
 * Returns how to reach the API server.
 *
 * @throws {KubeError} there is no configuration, or it cannot be used
 */
export function findKubeAccess(options: KubeAccessOptions = {}): KubeAccess {
  const { kubeconfig, context, env = process.env, home = homedir(), clock = systemClock } = options;
  const read = { clock, ...(context !== undefined && { context }) };
  if (kubeconfig) return readKubeConfig(kubeconfig, read);
  const set = env['KUBECONFIG'];
  if (set?.includes(delimiter)) {
    throw new KubeError(`KUBECONFIG names several files (${set}): set it to one of them`);
  }
  if (set) return readKubeConfig(set, read);
  if (isInCluster(env)) return inClusterAccess({ env, clock });
  const own = join(home, '.kube/config');
  return existsSync(own) ? readKubeConfig(own, read) : inClusterAccess({ env, clock });
}
