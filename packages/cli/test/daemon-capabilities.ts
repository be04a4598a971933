/**
 * `DAEMON_CAPABILITIES`: the capabilities that a daemon keeps if root starts it.
 *
 * @module
 */
import { readRights, type Capability } from '@litz/sys';

/** A process without this capability cannot raise the limit of real-time priorities. */
const CAP_SYS_RESOURCE = 1n << 24n;
const mayRaiseLimits = (readRights().effective & CAP_SYS_RESOURCE) !== 0n;

export const DAEMON_CAPABILITIES: readonly Capability[] = [
  'CAP_NET_ADMIN',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  // Without the limit, the daemon needs this capability for its real-time priority.
  ...(mayRaiseLimits ? [] : (['CAP_SYS_NICE'] as const)),
];
