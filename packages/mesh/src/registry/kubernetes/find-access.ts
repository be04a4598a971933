/**
 * `findKubeAccess`: the API server that this machine belongs to: the kubeconfig that is named, else that of
 * the pod, else that of the user.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { systemClock, type Clock } from './clock.ts';
import { inClusterAccess, isInCluster } from './in-cluster.ts';
import type { KubeAccess } from './kube-access.ts';
import { KubeError } from './kube-error.ts';
import { readKubeConfig } from './kube-config.ts';

export interface KubeAccessOptions {
  /** Path of a kubeconfig. */
  readonly kubeconfig?: string;
  /** Of the kubeconfig; its current one where absent. */
  readonly context?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly home?: string;
  readonly clock?: Clock;
}

/**
 * @throws {KubeError} there is none, or it can't be used
 */
export function findKubeAccess(options: KubeAccessOptions = {}): KubeAccess {
  const { kubeconfig, context, env = process.env, home = homedir(), clock = systemClock } = options;
  const read = { clock, ...(context !== undefined && { context }) };
  if (kubeconfig) return readKubeConfig(kubeconfig, read);
  const set = env['KUBECONFIG'];
  if (set?.includes(delimiter)) {
    throw new KubeError(`KUBECONFIG names several files (${set}): name one of them`);
  }
  if (set) return readKubeConfig(set, read);
  if (isInCluster(env)) return inClusterAccess({ env, clock });
  const own = join(home, '.kube/config');
  return existsSync(own) ? readKubeConfig(own, read) : inClusterAccess({ env, clock });
}
