/**
 * `DAEMON_CAPABILITIES`: the capabilities that a daemon keeps if root starts it.
 *
 * @module
 */
import type { Capability } from '@litz/sys';
import { canRaiseRealtimeLimit, realtimePriorities } from '@litz/testkit';

export const DAEMON_CAPABILITIES: readonly Capability[] = [
  'CAP_NET_ADMIN',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  // If the limit of real-time priorities cannot be raised, the daemon needs this capability.
  ...(canRaiseRealtimeLimit() || realtimePriorities.missing() !== undefined
    ? []
    : (['CAP_SYS_NICE'] as const)),
];
