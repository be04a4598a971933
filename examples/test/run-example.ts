/**
 * Runs an example as a user does: the built file, in a separate process.
 *
 * @module
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { hasNamespacePrivilege } from '@litz/sys';
import { requirement, type Requirement } from '@litz/testkit';
import { onTestFinished } from 'vitest';

/** What every example needs. */
export const builtExamples: Requirement = requirement('the built examples', () =>
  existsSync(entryOf('run-loop')) ? true : 'run `tsc -b` first',
);

/** What the examples with real interfaces need. */
export const realInterfaces: readonly Requirement[] = [
  builtExamples,
  requirement('the right to make network namespaces', hasNamespacePrivilege),
  requirement('/dev/net/tun', () => existsSync('/dev/net/tun')),
];

export interface ExampleRun {
  readonly code: number | null;
  readonly output: string;
  /** The standard error, including warnings of Node.js; a good example causes none. */
  readonly errors: string;
}

/** Runs an example to its end. After 30 s it is killed, and its `code` is null. */
export function runExample(name: string, args: readonly string[] = []): Promise<ExampleRun> {
  return endOf(startExample(name, args));
}

/** Starts an example. It is killed after the test, or after 30 s if the test takes longer. */
export function startExample(name: string, args: readonly string[]): ExampleProcess {
  const child = spawn(process.execPath, [entryOf(name), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 30_000,
    killSignal: 'SIGKILL',
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/** Waits until an example has ended. */
export async function endOf(child: ExampleProcess): Promise<ExampleRun> {
  const [[code], output, errors] = await Promise.all([
    once(child, 'exit') as Promise<[number | null]>,
    text(child.stdout),
    text(child.stderr),
  ]);
  return { code, output, errors };
}

/** A running example. */
export type ExampleProcess = ChildProcessByStdio<null, Readable, Readable>;

function entryOf(name: string): string {
  return fileURLToPath(new URL(`../dist/${name}/main.js`, import.meta.url));
}
