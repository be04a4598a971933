/**
 * `readRegistry` and related functions: read the flags of `litz agent` about the registry.
 *
 * @module
 */
import type { EtcdRegistryOptions } from '@litz/mesh';
import { contradiction, missing, usage } from './flag-failure.ts';
import { readTime } from './flag-time.ts';

/** The flags as commander passes them. */
export interface RegistryFlags {
  readonly registry?: string;
  /** A label selector; `true`: the flag has no value, so this node opts out. */
  readonly optOut?: true | string;
  readonly kubeconfig?: string;
  readonly kubeContext?: string;
  readonly format: 'litz' | 'cilium';
  readonly startTaint?: string;
  readonly etcdCa?: string;
  readonly etcdCert?: string;
  readonly etcdKey?: string;
  readonly etcdUser?: string;
  readonly etcdPasswordFile?: string;
  readonly etcdLease?: string;
  readonly cluster?: string;
}

export type RegistryChoice =
  | { readonly type: 'file'; readonly folder: string }
  | { readonly type: 'etcd'; readonly url: string }
  | { readonly type: 'kubernetes' };

/** @throws {Failure} exit code 2: the flag is missing or names no known registry */
export function readRegistry(text: string | undefined): RegistryChoice {
  if (text === undefined) return missing('--registry file:DIRECTORY|etcd://HOST:PORT|kubernetes');
  if (text === 'kubernetes') return { type: 'kubernetes' };
  if (text.startsWith('file:') && text.length > 'file:'.length) {
    return { type: 'file', folder: text.slice('file:'.length) };
  }
  if (/^etcds?:\/\/./.test(text)) return { type: 'etcd', url: text };
  throw usage(`--registry expected file:DIRECTORY, etcd://HOST:PORT or kubernetes, got ${text}`);
}

/** @throws {Failure} exit code 2: a flag is given that is only for etcd */
export function refuseEtcdFlags(flags: RegistryFlags, registry: string): void {
  const { etcdCa, etcdCert, etcdKey, etcdUser, etcdPasswordFile, etcdLease, cluster } = flags;
  const given = {
    'etcd-ca': etcdCa,
    'etcd-cert': etcdCert,
    'etcd-key': etcdKey,
    'etcd-user': etcdUser,
    'etcd-password-file': etcdPasswordFile,
    'etcd-lease': etcdLease,
    cluster,
  };
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined) throw contradiction(`--${name}`, `--registry ${registry}`);
  }
}

/**
 * Reads the flags that say how etcd is reached.
 *
 * @throws {Failure} exit code 2: one flag of a pair is missing, the lease is not a time, or a
 *   cluster is named without `--format cilium`
 */
export function readEtcdFlags(flags: RegistryFlags): EtcdRegistryOptions {
  const { etcdCa, etcdCert, etcdKey, etcdUser, etcdPasswordFile, etcdLease } = flags;
  const { cluster, format } = flags;
  if ((etcdCert === undefined) !== (etcdKey === undefined)) {
    throw usage('--etcd-cert and --etcd-key must be given together');
  }
  if ((etcdUser === undefined) !== (etcdPasswordFile === undefined)) {
    throw usage('--etcd-user and --etcd-password-file must be given together');
  }
  if (cluster !== undefined && format !== 'cilium')
    throw contradiction('--cluster', '--format litz');
  const tls = {
    ...(etcdCa !== undefined && { ca: etcdCa }),
    ...(etcdCert !== undefined && { certificate: etcdCert }),
    ...(etcdKey !== undefined && { key: etcdKey }),
  };
  return {
    format,
    ...(cluster !== undefined && { cluster }),
    ...(etcdLease !== undefined && { leaseSeconds: readTime('--etcd-lease', etcdLease) / 1000 }),
    ...(Object.keys(tls).length > 0 && { tls }),
    ...(etcdUser !== undefined &&
      etcdPasswordFile !== undefined && {
        user: { name: etcdUser, passwordFile: etcdPasswordFile },
      }),
  };
}

/** @throws {Failure} exit code 2: a flag is given that is only for Kubernetes */
export function refuseKubernetesFlags(flags: RegistryFlags, registry: string): void {
  const { kubeconfig, kubeContext, startTaint, optOut } = flags;
  const given = { kubeconfig, 'kube-context': kubeContext, 'start-taint': startTaint };
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined) throw contradiction(`--${name}`, `--registry ${registry}`);
  }
  if (typeof optOut === 'string') {
    throw contradiction(
      `--opt-out ${optOut}`,
      `--registry ${registry}: this registry has no labels`,
    );
  }
}
