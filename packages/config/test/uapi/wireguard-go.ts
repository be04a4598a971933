/**
 * `WireguardGo`: runs wireguard-go in a network namespace of its own, which ends with the process.
 *
 * @module
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { programRequirement, requirement, type Requirement } from '@litz/testkit';
import { UapiClient } from '../../src/uapi/uapi-client.ts';

/**
 * Returns the path of wireguard-go, or undefined if it is not installed. The program has the name
 * that `go install` gives it: `wireguard`.
 */
export function wireguardGo(): string | undefined {
  const { GOBIN, GOPATH, PATH = '' } = process.env;
  const directories = [...PATH.split(':'), GOBIN, join(GOPATH ?? join(homedir(), 'go'), 'bin')];
  return directories
    .filter((directory) => directory !== undefined && directory !== '')
    .map((directory) => join(directory ?? '', 'wireguard'))
    .find((path) => existsSync(path));
}

export const WIREGUARD_GO_REQUIREMENTS: readonly Requirement[] = [
  requirement('wireguard-go', () => wireguardGo() !== undefined || 'no program "wireguard"'),
  programRequirement('unshare'),
  requirement('network namespaces', () => {
    const { status, stderr } = spawnSync('unshare', ['-n', 'true'], { encoding: 'utf8' });
    return status === 0 || stderr.trim();
  }),
  requirement('/dev/net/tun', () => existsSync('/dev/net/tun')),
];

export class WireguardGo {
  readonly client: UapiClient;
  readonly #process: ChildProcess;

  private constructor(name: string, child: ChildProcess) {
    this.client = UapiClient.of(name);
    this.#process = child;
  }

  /** Starts the daemon, and resolves when it answers. */
  static async start(): Promise<WireguardGo> {
    const name = `litzgo${process.pid}`;
    // `unshare` replaces itself with the program. So the child process is the daemon, and the
    // namespace ends with it.
    const child = spawn('unshare', ['-n', wireguardGo() ?? 'wireguard', '-f', name], {
      stdio: 'ignore',
      env: { ...process.env, LOG_LEVEL: 'silent' },
    });
    const started = new WireguardGo(name, child);
    for (let tries = 0; ; tries++) {
      try {
        await started.client.get();
        return started;
      } catch (error) {
        if (tries === 100 || child.exitCode !== null) {
          await started.stop();
          throw error;
        }
        await sleep(50);
      }
    }
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGTERM');
    await ended;
  }
}
