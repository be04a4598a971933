/**
 * `findNode`: finds a Node.js binary with a given major version. It is the binary of this process,
 * or the binary in the npm package `node`.
 *
 * npx fetches the package on demand into a cache that git ignores, so that the workspace does not
 * install other versions of Node.js just for a benchmark.
 *
 * @module
 */
import { join } from 'node:path';
import { runCommand } from '../peers/command.ts';

export interface NodeBinary {
  readonly path: string;
  /** The full version, such as '22.23.3'. */
  readonly version: string;
}

/** Finds the binary of a major version. @throws {Error} (rejects) npx cannot fetch or start it */
export async function findNode(major: number): Promise<NodeBinary> {
  if (major === majorOf(process.versions.node)) {
    return { path: process.execPath, version: process.versions.node };
  }
  const args = ['-y', '--cache', CACHE, '-p', `node@${major}`, 'node', '-p', SCRIPT];
  return parseBinary(await runCommand('npx', args, { timeoutMs: FETCH_TIMEOUT_MS }), major);
}

/**
 * Parses the last line of the output, because npx may print messages before it.
 *
 * @throws {RangeError} the binary does not have that version
 */
export function parseBinary(output: string, major: number): NodeBinary {
  const line = output.trim().split('\n').at(-1) ?? '';
  const [, version = '', path = ''] = /^(\S+) (.+)$/.exec(line) ?? [];
  if (majorOf(version) !== major || path === '') {
    throw new RangeError(`"output" expected version and path of Node ${major}, got ${output}`);
  }
  return { version, path };
}

function majorOf(version: string): number {
  return Number.parseInt(version, 10);
}

const SCRIPT = "process.versions.node + ' ' + process.execPath";
const CACHE = join(import.meta.dirname, '../../node_modules/.cache/nodes');
const FETCH_TIMEOUT_MS = 180_000;
