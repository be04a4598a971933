/**
 * `readableSecrets`: finds secret files of the agent whose mode gives all users a permission.
 *
 * @module
 */
import { statSync } from 'node:fs';
import type { AgentFlags } from './agent-flags.ts';

/**
 * Returns a warning for each secret file whose mode gives all users a permission, with the command
 * that corrects the mode. These files are not refused, because Kubernetes creates volumes of
 * secrets with such modes.
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
      `${flag} ${path} has mode ${digits}, which gives permissions to all users: chmod 600 ${path}`,
    ];
  } catch {
    // The code that reads the file reports that it is missing.
    return [];
  }
}

/** The permissions of all other users (S_IRWXO). */
const WORLD = 0o007;
