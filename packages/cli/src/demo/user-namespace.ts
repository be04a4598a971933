/**
 * Runs the demo in a user namespace. There, an ordinary user is root and may make network
 * namespaces.
 *
 * A process with several threads cannot enter a user namespace. So `unshare` of util-linux or
 * busybox starts a new process in one.
 *
 * @module
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

/** Returns why no process can be started in a user namespace; undefined if it is possible. */
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
 * Runs Node.js with these words in a user namespace, on the standard streams of this process.
 *
 * @returns the exit code
 */
export async function runInUserNamespace(words: readonly string[]): Promise<number> {
  const child = spawn('unshare', [...IN_USER_NAMESPACE, process.execPath, ...words], {
    stdio: 'inherit',
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

const IN_USER_NAMESPACE = ['-U', '-r', '-n', '--'];
