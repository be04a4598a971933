/**
 * `Daemon`: one implementation that serves one interface in a network namespace.
 *
 * @module
 */
import { rmSync, statSync } from 'node:fs';
import type { DeviceConfiguration, DeviceStatus } from '@litz/config';
import { UapiClient } from '@litz/config/uapi';
import { RunningCommand, until } from './command.ts';
import type { Implementation } from './implementation.ts';
import { ip } from './namespace-pair.ts';

export interface DaemonOptions {
  namespace: string;
  /** The only core that it may run on. */
  core?: number;
}

export class Daemon {
  readonly process: RunningCommand;
  readonly #namespace: string;
  /** All namespaces share the directory of the sockets: the name is unique on the machine. */
  readonly interfaceName: string = `lb${process.pid.toString(36)}n${(started++).toString(36)}`;
  readonly socket: string = `/var/run/wireguard/${this.interfaceName}.sock`;

  /** Starts it; `listens` waits until it can be asked. */
  constructor(implementation: Implementation, { namespace, core }: DaemonOptions) {
    this.#namespace = namespace;
    SOCKETS.add(this.socket);
    const command = implementation.command(this.interfaceName);
    const [file, ...args] =
      core === undefined ? command : (['taskset', '-c', String(core), ...command] as const);
    this.process = new RunningCommand(file, args, { namespace, env: implementation.env ?? {} });
  }

  /** @throws {Error} (rejects) it ended, or there is no socket in time */
  async listens(timeoutMs?: number): Promise<void> {
    const there = (): boolean => {
      this.checkAlive();
      return isSocket(this.socket);
    };
    await until(`${this.process.name}: socket`, there, timeoutMs);
  }

  async configure(configuration: DeviceConfiguration): Promise<void> {
    await new UapiClient(this.socket).set(configuration);
  }

  /** With the keys of its sessions: only Litz knows what that asks. */
  async status(): Promise<DeviceStatus> {
    return new UapiClient(this.socket).get({ keys: true });
  }

  /** @param address with its prefix: '10.9.0.1/24' */
  async bringUp(address: string, mtu: number): Promise<void> {
    const at = ['-n', this.#namespace];
    await ip(...at, 'addr', 'add', address, 'dev', this.interfaceName);
    await ip(...at, 'link', 'set', this.interfaceName, 'mtu', String(mtu), 'up');
  }

  /** @throws {Error} it is not there any more; what it wrote */
  checkAlive(): void {
    const { hasEnded, name, errors } = this.process;
    if (hasEnded) throw new Error(`${name} has ended: ${errors.trim()}`);
  }

  async close(): Promise<void> {
    await this.process.end();
    rmSync(this.socket, { force: true });
    SOCKETS.delete(this.socket);
  }
}

/** A daemon that was killed leaves its socket. */
export function removeSockets(): void {
  for (const path of SOCKETS) rmSync(path, { force: true });
}

function isSocket(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isSocket() === true;
}

const SOCKETS = new Set<string>();
let started = 0;
