/**
 * `missingResource`: whether the limits of this process leave room for the program.
 *
 * Node does not survive too little address space (V8 ends the process), and with too few descriptors its
 * loader fails somewhere. So it is looked at first, before anything else is loaded; this file needs little.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';

/** What Linux says of a process, as text, and how many descriptors it has open. */
export interface ProcessState {
  /** /proc/self/limits */
  readonly limits: string;
  /** /proc/self/status */
  readonly status: string;
  readonly openFiles: number;
}

/**
 * What is missing, in words; undefined if nothing is, or on another system than Linux.
 *
 * @param words of the command line
 * @throws `EMFILE`: not even this can be looked at
 */
export function missingResource(
  words: readonly string[],
  state: ProcessState | undefined = readState(),
): string | undefined {
  if (!state) return undefined;
  const { limits, status, openFiles } = state;
  const files = limitOf(limits, 'Max open files');
  if (files - openFiles < NEEDED_FILES) {
    return `too few open files are allowed (ulimit -n): ${files}, expected ${openFiles + NEEDED_FILES}`;
  }
  const used = Number(/^VmSize:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0);
  const needed = used + (NO_DEVICE.has(words[0] ?? '') ? NEEDED_KB_BY_ITSELF : NEEDED_KB);
  const space = limitOf(limits, 'Max address space') / 1024;
  if (space >= needed) return undefined;
  return `too little address space is allowed (ulimit -v): ${Math.floor(space)} kB, expected ${needed}`;
}

function readState(): ProcessState | undefined {
  try {
    return {
      limits: readFileSync('/proc/self/limits', 'utf8'),
      status: readFileSync('/proc/self/status', 'utf8'),
      // In the background there is a channel to the parent, which wants the same number as its parent.
      openFiles: readdirSync('/proc/self/fd').length - (process.channel ? 1 : 0),
    };
  } catch (error) {
    // Not even one descriptor is left.
    if ((error as { code?: unknown }).code === 'EMFILE') throw error;
    return undefined;
  }
}

/** The soft limit; Node has raised that of open files to the hard one. Infinity: none. */
function limitOf(limits: string, name: string): number {
  const found = new RegExp(`^${name}\\s+(\\S+)`, 'm').exec(limits)?.[1];
  return found === undefined || found === 'unlimited' ? Infinity : Number(found);
}

/** The loader opens many modules at the same time: 60 or so, more on a fast disk. */
const NEEDED_FILES = 100;
/** A device has a thread with a heap of its own: 0.92 GB, most of it never used. */
const NEEDED_KB = 1_100_000;
const NEEDED_KB_BY_ITSELF = 400_000;
/** First words after which there is no thread. */
const NO_DEVICE: ReadonlySet<string> = new Set([
  'genkey',
  'genpsk',
  'pubkey',
  '--version',
  '--help',
  '-h',
]);
