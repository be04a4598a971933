/**
 * `runHook`: runs a hook of a wg-quick file (`PreUp`, `PostUp`, `PreDown`, `PostDown`).
 *
 * wg-quick evaluates a hook in bash with `set -e`, `pipefail` and `extglob`, in the locale C. So
 * `false; true` fails. The same is done here.
 *
 * A hook has a time limit. When the time is over, or when `Tunnel.up` is aborted, the hook and all
 * its remaining descendants are ended. If a hook has ended by itself, a process that it left in the
 * background stays, as with wg-quick.
 *
 * @module
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { WireGuardError } from '@litz/core';

/** How hooks are run. */
export interface HookOptions {
  /** The environment. Default: that of this process. */
  readonly env?: NodeJS.ProcessEnv;
  /** The longest time of one hook, in ms; 0: no limit. Default: two minutes. */
  readonly limitMs?: number;
  /**
   * Called with what a hook writes to its two output streams. Default: hooks have the input and
   * output of this process.
   */
  readonly onOutput?: (bytes: Buffer) => void;
}

/**
 * Resolves when the hook has ended with exit code 0.
 *
 * @param command a command for bash
 * @throws {WireGuardError} (rejects) `ERR_LITZ_SYSTEM`: it failed, took too long, or there is no
 *   bash
 * @throws the reason of the signal (rejects), after the hook was ended
 */
export async function runHook(
  command: string,
  options: HookOptions & { readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const { env = process.env, limitMs = DEFAULT_LIMIT_MS, onOutput, signal } = options;
  signal?.throwIfAborted();
  const child = spawn('bash', [...BASH_OPTIONS, command], {
    env: { ...env, LC_ALL: 'C' },
    stdio: onOutput ? ['ignore', 'pipe', 'pipe'] : 'inherit',
  });
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', onOutput!);
  let stop!: (why: 'aborted' | 'late') => void;
  const stopped = new Promise<'aborted' | 'late'>((resolve) => (stop = resolve));
  const abort = (): void => stop('aborted');
  signal?.addEventListener('abort', abort, { once: true });
  const timer = limitMs > 0 ? setTimeout(() => stop('late'), limitMs) : undefined;
  try {
    const ended = endOf(child);
    const result = await Promise.race([ended, stopped]);
    if (result === 'aborted' || result === 'late') await endTree(child, ended);
    if (result === 'aborted') throw signal!.reason;
    if (result === 'late') throw failure(`it did not end within ${limitMs / 1000} s`);
    if (result !== undefined) throw failure(result);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

/** Resolves with the reason why the hook failed; undefined: it succeeded. */
function endOf(child: ChildProcess): Promise<string | undefined> {
  return new Promise((resolve) => {
    child.once('error', ({ code, message }: NodeJS.ErrnoException) =>
      resolve(code === 'ENOENT' ? 'there is no bash, which runs hooks' : message),
    );
    child.once('exit', (code, signal) => {
      const why = signal ? `it was ended by ${signal}` : `it ended with exit code ${code}`;
      void lastOutput(child).then(() => resolve(code === 0 ? undefined : why));
    });
  });
}

/**
 * Resolves when the output of the hook was read. A process in the background may keep the streams
 * open, so this waits only for a short time.
 */
async function lastOutput(child: ChildProcess): Promise<void> {
  if (!child.stdout) return;
  const closed = new Promise((resolve) => child.once('close', resolve));
  const limit = new AbortController();
  await Promise.race([closed, sleep(OUTPUT_MS, undefined, limit)]).finally(() => limit.abort());
  child.stdout.destroy();
  child.stderr?.destroy();
}

/** Ends the hook and its descendants with SIGTERM, and those that are left with SIGKILL. */
async function endTree(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  if (child.pid === undefined) return;
  const tree = stopTree(child.pid);
  for (const pid of tree) kill(pid, 'SIGTERM');
  for (const pid of tree) kill(pid, 'SIGCONT');
  const limit = new AbortController();
  const grace = sleep(GRACE_MS, 'late', { signal: limit.signal }).catch(() => 'ended');
  await Promise.race([ended, grace]).finally(() => limit.abort());
  // A process whose parent has ended becomes a child of process 1, so the earlier list is used too.
  for (const pid of [...tree, ...descendantsOf(child.pid)]) kill(pid, 'SIGKILL');
  await ended;
}

/**
 * Stops a process and its descendants with SIGSTOP, and returns their ids. They are listed again
 * until none is new, because a process that still runs can start another one after the listing.
 */
function stopTree(pid: number): readonly number[] {
  const tree = new Set<number>();
  for (;;) {
    const others = [pid, ...descendantsOf(pid)].filter((other) => !tree.has(other));
    if (others.length === 0) return [...tree];
    for (const other of others) {
      kill(other, 'SIGSTOP');
      tree.add(other);
    }
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended.
  }
}

/** Returns all descendants of a process, from /proc. */
function descendantsOf(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const parent = parentOf(name);
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const found: number[] = [];
  for (let next = children.get(pid) ?? []; next.length > 0;) {
    found.push(...next);
    next = next.flatMap((process) => children.get(process) ?? []);
  }
  return found;
}

/** Returns the id of the parent; undefined if the process has ended meanwhile. */
function parentOf(pid: string): number | undefined {
  try {
    const parent = /\) \S (\d+)[^)]*$/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
    return parent === undefined ? undefined : Number(parent);
  } catch {
    return undefined;
  }
}

function failure(reason: string): WireGuardError {
  return new WireGuardError('ERR_LITZ_SYSTEM', reason);
}

/** The settings with which wg-quick evaluates a hook. */
const BASH_OPTIONS = ['-e', '-o', 'pipefail', '-O', 'extglob', '-c'];
/** The default of `HookOptions.limitMs`, in ms. */
export const DEFAULT_LIMIT_MS = 120_000;
/** How long a hook may take to end after SIGTERM, in ms. */
const GRACE_MS = 2000;
/** How long to wait for the output of a hook that has ended, in ms. */
const OUTPUT_MS = 200;
