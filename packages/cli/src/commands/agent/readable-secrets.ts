/**
 * `readableSecrets`: which of the files that only the agent is to read everybody can read.
 *
 * @module
 */
import { statSync } from 'node:fs';
import type { AgentFlags } from './agent-flags.ts';

/**
 * A line for each of them, with what to do. A warning and no refusal, as for a tunnel's file: volumes of
 * secrets in Kubernetes are made like that.
 */
export function readableSecrets({ etcdKey, etcdPasswordFile }: AgentFlags): string[] {
  return [
    ...warningOf('--etcd-key', etcdKey),
    ...warningOf('--etcd-password-file', etcdPasswordFile),
  ];
}

function warningOf(flag: string, path: string | undefined): string[] {
  if (path === undefined) return [];
  try {
    const mode = statSync(path).mode & 0o777;
    if ((mode & WORLD) === 0) return [];
    const digits = mode.toString(8).padStart(4, '0');
    return [
      `everybody on this machine can read ${flag} ${path} (mode ${digits}): chmod 600 ${path}`,
    ];
  } catch {
    // Whoever reads it says that it is not there.
    return [];
  }
}

/** S_IRWXO */
const WORLD = 0o007;
