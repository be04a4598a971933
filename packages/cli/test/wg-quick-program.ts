/**
 * wg-quick as on a kernel without WireGuard, whatever there is here: `ip link add type wireguard` fails
 * and /sys/module is empty. Nothing that it runs changes the resolver of this machine.
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
 * @param command what the shell runs instead of wg-quick alone; `$1` is the verb, `$2` the file
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
    // `wg` takes what is no port for a resolver that is not there yet.
    WG_ENDPOINT_RESOLUTION_RETRIES: '0',
  };
  const script = `mount -t tmpfs none /sys/module && ${command}`;
  return host.run('unshare', ['-m', 'sh', '-c', script, 'sh', verb, file], { env });
}
