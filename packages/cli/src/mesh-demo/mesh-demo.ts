/**
 * `runMeshDemo`: shows three nodes with two pods each, and their traffic before and after
 * encryption is switched on.
 *
 * It needs root or a user namespace, and runs in namespaces of its own. So it changes nothing on
 * the machine, and everything ends with the process.
 *
 * @module
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Failure } from '../failure.ts';
import { MeshPlay } from './mesh-play.ts';

export interface MeshDemoOptions {
  readonly write: (text: string) => void;
  /** Whether this process is already in the namespaces of the demo. */
  readonly isInside: boolean;
}

/**
 * Runs the demo. Returns the exit code: 0 if no packet was lost and none was readable while
 * encryption was on. One step of the demo replaces a node. Packets that this node loses do not
 * count.
 */
export async function runMeshDemo({ write, isInside }: MeshDemoOptions): Promise<number> {
  if (!isInside) {
    checkTools();
    return runInNamespaces();
  }
  const folder = mkdtempSync(join(tmpdir(), 'litz-demo-'));
  try {
    mkdirSync(join(folder, 'registry'), { mode: 0o700 });
    const play = new MeshPlay({ write, folder, program: ENTRY });
    try {
      return (await play.run()) ? 0 : 1;
    } finally {
      await play.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @throws {Failure} something is missing; the message names it */
function checkTools(): void {
  if (process.platform !== 'linux') throw new Failure('this demo needs Linux');
  for (const [program, name] of TOOLS) {
    const { error } = spawnSync(program, ['--version'], { env: toolEnvironment(), timeout: 5000 });
    if (error) throw new Failure(`cannot run ${program}: it is in the package ${name}`);
  }
  try {
    closeSync(openSync('/dev/net/tun', 'r+'));
  } catch (error) {
    throw new Failure(`no TUN devices: ${(error as Error).message}`);
  }
  const { status, stderr } = spawnSync('unshare', [...unshareWords(), 'true'], {
    encoding: 'utf8',
    timeout: 5000,
  });
  if (status === 0) return;
  throw new Failure(`neither root nor user namespaces: ${stderr.trim()}`);
}

/** Starts the same program again, in namespaces. Returns its exit code. */
async function runInNamespaces(): Promise<number> {
  // The UAPI sockets need a /run that this user may write to, so an empty file system is mounted
  // there.
  const script = 'mount -t tmpfs -o mode=755 tmpfs /run && exec "$0" "$@"';
  const words = ['sh', '-c', script, process.execPath, ENTRY, 'demo', 'mesh', '--inside'];
  const child = spawn('unshare', [...unshareWords(), ...words], {
    stdio: 'inherit',
    env: toolEnvironment(),
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

function unshareWords(): string[] {
  const user = process.getuid?.() === 0 ? [] : ['-U', '-r'];
  return [...user, '-n', '-m', '--'];
}

/** Adds the folders of administrator programs, which the PATH of an ordinary user often lacks. */
function toolEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
}

const ENTRY = fileURLToPath(new URL('../../bin/litz.js', import.meta.url));
/** The programs, and the package of a distribution that contains each. */
const TOOLS = [
  ['nft', 'nftables'],
  ['unshare', 'util-linux'],
  ['mount', 'mount (util-linux)'],
] as const;
