/**
 * `wgQuick`: runs wg-quick as if the kernel had no WireGuard: `ip link add type wireguard` fails,
 * and /sys/module is empty. wg-quick cannot change the DNS servers of this machine.
 *
 * @module
 */
import { chmodSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { programRequirement, type Requirement } from '@litz/testkit';
import type { Host } from './host.ts';

export const wgQuickPrograms: readonly Requirement[] = [
  programRequirement('wg-quick', ['--help']),
  programRequirement('unshare'),
];

/**
 * Runs wg-quick. Returns its output.
 *
 * @param implementation the program that makes the interface
 * @param command a shell command in place of wg-quick; `$1` is the verb, `$2` the file
 */
export function wgQuick(
  host: Host,
  verb: 'up' | 'down' | 'save',
  file: string,
  implementation: string,
  command = 'exec wg-quick "$@"',
): Promise<string> {
  const env = {
    ...process.env,
    PATH: fakePrograms(host),
    WG_QUICK_USERSPACE_IMPLEMENTATION: implementation,
    LOG_LEVEL: undefined,
    // For a wrong port, `wg` would wait and try again, as if the resolver did not answer.
    WG_ENDPOINT_RESOLUTION_RETRIES: '0',
  };
  const script = `mount -t tmpfs none /sys/module && ${command}`;
  return host.run('unshare', ['-m', 'sh', '-c', script, 'sh', verb, file], { env });
}

/**
 * Writes programs that take the place of real ones: `ip` cannot make a WireGuard interface, and
 * `resolvconf` only writes down how it was called.
 *
 * @returns a PATH that begins with the folder of these programs
 */
export function fakePrograms(host: Host): string {
  const ip = host.write('ip', [
    '#!/bin/sh',
    'case "$*" in *"type wireguard"*) exit 1;; esac',
    `PATH=${process.env['PATH']} exec ip "$@"`,
  ]);
  const resolvconf = host.write('resolvconf', [
    '#!/bin/sh',
    `[ "$1" = -a ] || [ "$1" = -d ] || exit 1`,
    `input=$([ "$1" = -a ] && cat)`,
    `echo "$*" $input >> ${join(host.folder, CALLS)}`,
  ]);
  for (const program of [ip, resolvconf]) chmodSync(program, 0o700);
  return `${host.folder}:${process.env['PATH']}`;
}

/** Returns a line for each call of `resolvconf`: its arguments and its input. */
export function resolvconfCalls(host: Host): string[] {
  const file = join(host.folder, CALLS);
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
}

export function forgetCalls(host: Host): void {
  rmSync(join(host.folder, CALLS), { force: true });
}

const CALLS = 'resolvconf.calls';
