/**
 * Runs wg-quick as on a kernel without WireGuard, on any kernel: `ip link add type wireguard` fails
 * and /sys/module is empty. It cannot change the resolver of this machine.
 *
 * @module
 */
import { chmodSync } from 'node:fs';
import { programRequirement, type Requirement } from '@litz/testkit';
import type { Host } from './host.ts';

export const wgQuickPrograms: readonly Requirement[] = [
  programRequirement('wg-quick', ['--help']),
  programRequirement('unshare'),
];

/**
 * @param implementation the program that makes the interface
 * @param command a shell command in place of wg-quick; `$1` is the verb, `$2` the file
 */
export function wgQuick(
  host: Host,
  verb: 'up' | 'down',
  file: string,
  implementation: string,
  command = 'exec wg-quick "$@"',
): Promise<string> {
  const ip = host.write('ip', [
    '#!/bin/sh',
    'case "$*" in *"type wireguard"*) exit 1;; esac',
    `PATH=${process.env['PATH']} exec ip "$@"`,
  ]);
  const resolvconf = host.write('resolvconf', ['#!/bin/sh', 'cat >/dev/null']);
  for (const program of [ip, resolvconf]) chmodSync(program, 0o700);
  const env = {
    ...process.env,
    PATH: `${host.folder}:${process.env['PATH']}`,
    WG_QUICK_USERSPACE_IMPLEMENTATION: implementation,
    LOG_LEVEL: undefined,
    // `wg` treats a wrong port like a missing resolver, and would wait.
    WG_ENDPOINT_RESOLUTION_RETRIES: '0',
  };
  const script = `mount -t tmpfs none /sys/module && ${command}`;
  return host.run('unshare', ['-m', 'sh', '-c', script, 'sh', verb, file], { env });
}
