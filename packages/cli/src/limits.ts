/**
 * `missingResource`: checks whether the resource limits of this process are high enough.
 * `possibleConnections`: returns how many connections these limits allow.
 *
 * If there is too little address space, V8 ends the process. If there are too few descriptors, the
 * loader of Node.js fails at an arbitrary place. So the limits are checked before anything else is
 * loaded. This file itself needs little memory and few descriptors.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';

/** What Linux reports about a process, as text, and the number of its open descriptors. */
export interface ProcessState {
  /** /proc/self/limits */
  readonly limits: string;
  /** /proc/self/status */
  readonly status: string;
  readonly openFiles: number;
}

/**
 * Returns a text that names the limit which is too low; undefined if no limit is too low, or if the
 * system is not Linux.
 *
 * @param words the words of the command line
 * @throws `EMFILE`: no descriptor is left for this check
 */
export function missingResource(
  words: readonly string[],
  state: ProcessState | undefined = readState(),
): string | undefined {
  if (!state) return undefined;
  const { limits, status, openFiles } = state;
  const files = limitOf(limits, 'Max open files');
  if (files - openFiles < NEEDED_FILES) {
    return `the limit of open files (ulimit -n) is ${files}, expected at least ${openFiles + NEEDED_FILES}`;
  }
  const used = Number(/^VmSize:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0);
  const needed = used + (NO_DEVICE.has(words[0] ?? '') ? NEEDED_KB_WITHOUT_DEVICE : NEEDED_KB);
  const space = limitOf(limits, 'Max address space') / 1024;
  if (space >= needed) return undefined;
  return `the limit of address space (ulimit -v) is ${Math.floor(space)} kB, expected at least ${needed} kB`;
}

/**
 * Returns how many connections this process can open in addition to the descriptors that are open
 * already: from 1 to `wanted`. Some descriptors stay free: if none were free, Node.js would close
 * each new connection at once, even one of a health check.
 */
export function possibleConnections(
  wanted: number,
  state: ProcessState | undefined = readState(),
): number {
  if (!state) return wanted;
  const files = limitOf(state.limits, 'Max open files');
  return Math.max(1, Math.min(wanted, files - state.openFiles - FREE_FILES));
}

function readState(): ProcessState | undefined {
  try {
    return {
      limits: readFileSync('/proc/self/limits', 'utf8'),
      status: readFileSync('/proc/self/status', 'utf8'),
      // A daemon in the background also has the channel to its parent open. The channel is not
      // counted, so that the check has the same result in parent and child.
      openFiles: readdirSync('/proc/self/fd').length - (process.channel ? 1 : 0),
    };
  } catch (error) {
    // No descriptor is left.
    if ((error as { code?: unknown }).code === 'EMFILE') throw error;
    return undefined;
  }
}

/**
 * Returns the soft limit; Infinity: no limit. Node.js has raised the soft limit of open files to
 * the hard limit.
 */
function limitOf(limits: string, name: string): number {
  const found = new RegExp(`^${name}\\s+(\\S+)`, 'm').exec(limits)?.[1];
  return found === undefined || found === 'unlimited' ? Infinity : Number(found);
}

/**
 * The number of descriptors that the program needs in addition to those that are open. The loader
 * of Node.js opens about 60 modules at the same time, and more on a fast disk. A daemon has two
 * loaders at work at the same time: that of the main thread, and that of the packet loop.
 */
const NEEDED_FILES = 200;
/**
 * Descriptors that stay free for files, look-ups of names, and connections that are not counted.
 */
const FREE_FILES = 32;
/**
 * Address space in kB that the program needs in addition to the space in use. The thread of a
 * device reserves 0.92 GB for a heap of its own, and never uses most of it.
 */
const NEEDED_KB = 1_100_000;
const NEEDED_KB_WITHOUT_DEVICE = 400_000;
/** The first words of command lines that start no thread. */
const NO_DEVICE: ReadonlySet<string> = new Set([
  'genkey',
  'genpsk',
  'pubkey',
  'down',
  'reload',
  'save',
  'strip',
  'show',
  'completion',
  '--version',
  '--help',
  '-h',
]);
