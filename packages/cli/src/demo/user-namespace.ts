/**
 * A user namespace: there an ordinary user is root over network namespaces of their own.
 *
 * A process of several threads cannot enter one, so a new process is started in it, by the `unshare`
 * of util-linux or busybox.
 *
 * @module
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

/** Whether a process can be started in a user namespace, or why not. */
export function userNamespaceFailure(): string | undefined {
  const { error, status, stderr } = spawnSync('unshare', [...IN_USER_NAMESPACE, 'true'], {
    encoding: 'utf8',
    timeout: 5000,
  });
  if (error) return `cannot run unshare: ${error.message}`;
  if (status !== 0) return stderr.trim() || `unshare ended with ${status}`;
  return undefined;
}

/**
 * Runs Node with these words in a user namespace, on this process's standard streams.
 *
 * @returns its exit code
 */
export async function runInUserNamespace(words: readonly string[]): Promise<number> {
  const child = spawn('unshare', [...IN_USER_NAMESPACE, process.execPath, ...words], {
    stdio: 'inherit',
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

const IN_USER_NAMESPACE = ['-U', '-r', '-n', '--'];
