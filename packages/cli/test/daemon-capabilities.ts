/**
 * `DAEMON_CAPABILITIES`: the capabilities that a daemon keeps if root starts it.
 *
 * @module
 */
import { spawnSync } from 'node:child_process';
import type { Capability } from '@litz/sys';
import { requirement, type Requirement } from '@litz/testkit';

/** The tests may give a thread a real-time priority. */
export const realtimePriorities: Requirement = requirement(
  'real-time priorities',
  () => succeeds('chrt', '--rr', '1', 'true') || 'this process may not set them (CAP_SYS_NICE)',
);

export const DAEMON_CAPABILITIES: readonly Capability[] = [
  'CAP_NET_ADMIN',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  // If the limit of real-time priorities cannot be raised, the daemon needs this capability.
  ...(succeeds('prlimit', '--rtprio=1:1', 'true') || !succeeds('chrt', '--rr', '1', 'true')
    ? []
    : (['CAP_SYS_NICE'] as const)),
];

function succeeds(program: string, ...args: string[]): boolean {
  return spawnSync(program, args).status === 0;
}
