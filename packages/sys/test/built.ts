/**
 * Runs code of tests in another process or thread, which cannot load .ts files. So the code uses
 * the built package.
 *
 * @module
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { requirement, type Requirement } from '@litz/testkit';

const entry = new URL('../dist/index.js', import.meta.url);
const tools = new URL('../dist/tools/index.js', import.meta.url);

export const builtSys: Requirement = requirement('the built @litz/sys', () =>
  existsSync(fileURLToPath(entry)) ? true : 'run `tsc -b` first',
);

/**
 * Runs the body of an async function in a worker thread. In the body, `sys` has the exports of the
 * package and of its tools.
 *
 * @returns what the body returns, as a structured clone
 */
export async function runInWorker(body: string): Promise<unknown> {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads');
     (async () => parentPort.postMessage(await (async (sys) => { ${body} })(${IMPORT})))();`,
    { eval: true, execArgv: [] },
  );
  try {
    return await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
  } finally {
    await worker.terminate();
  }
}

/**
 * Runs the body of an async function in another process. `wrapper` is a command that starts this
 * process, such as `WITHOUT_CAPABILITIES`; default: none. The standard output of the process can be
 * read.
 */
export function runInProcess(body: string, wrapper: string[] = []): Child {
  const source = `(async (sys) => { ${body} })(${IMPORT});`;
  const command = [...wrapper, process.execPath, '--input-type=module', '--eval', source];
  return spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** A `wrapper` that starts a program without any capability, even as root. */
export const WITHOUT_CAPABILITIES: string[] = ['setpriv', '--bounding-set=-all', '--inh-caps=-all'];

type Child = ChildProcessByStdio<null, Readable, null>;
const IMPORT = `{ ...await import(${JSON.stringify(entry.href)}), ...await import(${JSON.stringify(tools.href)}) }`;
