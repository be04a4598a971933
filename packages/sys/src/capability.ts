/**
 * Capabilities: their names, and which of them a thread has.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { checkString } from './arguments.ts';

/** The capabilities that Litz uses. */
export type Capability =
  | 'CAP_CHOWN'
  | 'CAP_DAC_OVERRIDE'
  | 'CAP_DAC_READ_SEARCH'
  | 'CAP_FOWNER'
  | 'CAP_SETGID'
  | 'CAP_SETUID'
  | 'CAP_NET_BIND_SERVICE'
  | 'CAP_NET_BROADCAST'
  | 'CAP_NET_ADMIN'
  | 'CAP_NET_RAW'
  | 'CAP_SYS_NICE';

/** What a thread may do. A set of capabilities is a bit mask: bit N is the capability N. */
export interface ThreadRights {
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly inheritable: bigint;
  /** A limit: a program that the thread executes gets no other capabilities than these. */
  readonly bounding: bigint;
  /** A program that the thread executes gets these capabilities even if its user is not root. */
  readonly ambient: bigint;
  /** If true, `execve` never adds rights, not even for a set-user-ID program. */
  readonly noNewPrivileges: boolean;
}

/**
 * Reads the rights of a thread.
 *
 * @param path default: the main thread of this process. Another thread: /proc/PID/task/TID/status
 * @throws {Error} the file cannot be read
 */
export function readRights(path = '/proc/self/status'): ThreadRights {
  checkString('path', path);
  const status = readFileSync(path, 'utf8');
  const field = (name: string): string =>
    new RegExp(`^${name}:\\s*(\\S+)$`, 'm').exec(status)?.[1] ?? '0';
  const set = (name: string): bigint => BigInt(`0x${field(name)}`);
  return {
    effective: set('CapEff'),
    permitted: set('CapPrm'),
    inheritable: set('CapInh'),
    bounding: set('CapBnd'),
    ambient: set('CapAmb'),
    noNewPrivileges: field('NoNewPrivs') === '1',
  };
}

/** Returns the bit mask of some capabilities. */
export function capabilitySet(capabilities: readonly Capability[]): bigint {
  return capabilities.reduce((set, name) => set | (1n << BigInt(NUMBERS[name])), 0n);
}

/** linux/capability.h */
const NUMBERS: Readonly<Record<Capability, number>> = {
  CAP_CHOWN: 0,
  CAP_DAC_OVERRIDE: 1,
  CAP_DAC_READ_SEARCH: 2,
  CAP_FOWNER: 3,
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_BROADCAST: 11,
  CAP_NET_ADMIN: 12,
  CAP_NET_RAW: 13,
  CAP_SYS_NICE: 23,
};
