/**
 * `Daemon`: a process of one implementation, with one interface in a network namespace.
 *
 * @module
 */
import { rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import type { DeviceConfiguration, DeviceStatus } from '@litz/config';
import { UapiClient } from '@litz/config/uapi';
import { RunningCommand, until } from './command.ts';
import type { Implementation } from './implementation.ts';
import { ip } from './namespaces.ts';

export interface DaemonOptions {
  namespace: string;
  /** The only core on which the daemon may run. */
  core?: number;
}

export class Daemon {
  readonly process: RunningCommand;
  readonly #namespace: string;
  /** Unique on the machine, because all namespaces share the directory of the sockets. */
  readonly interfaceName: string = `lb${process.pid.toString(36)}n${(started++).toString(36)}`;
  readonly socket: string = `/var/run/wireguard/${this.interfaceName}.sock`;

  /** Starts the daemon. `untilListening` waits until its socket accepts requests. */
  constructor(implementation: Implementation, { namespace, core }: DaemonOptions) {
    this.#namespace = namespace;
    SOCKETS.add(this.socket);
    const command = implementation.command(this.interfaceName);
    const [file, ...args] =
      core === undefined ? command : (['taskset', '-c', String(core), ...command] as const);
    this.process = new RunningCommand(file, args, { namespace, env: implementation.env ?? {} });
  }

  /**
   * Waits for the socket.
   *
   * @throws {Error} (rejects) the daemon ended, or there was no socket in time
   */
  async untilListening(timeoutMs?: number): Promise<void> {
    const hasSocket = (): boolean => {
      this.checkAlive();
      return isSocket(this.socket);
    };
    await until(`${this.process.name}: socket`, hasSocket, timeoutMs);
    // The file is there a moment before the daemon accepts connections.
    while (!(await accepts(this.socket))) this.checkAlive();
  }

  async configure(configuration: DeviceConfiguration): Promise<void> {
    await new UapiClient(this.socket).set(configuration);
  }

  /** Returns the status with the keys of the sessions. Only Litz supports this request. */
  async status(): Promise<DeviceStatus> {
    return new UapiClient(this.socket).get({ keys: true });
  }

  /**
   * Gives the interface an address and an MTU, and sets the link up.
   *
   * @param address the address with its prefix length: '10.9.0.1/24'
   */
  async bringUp(address: string, mtu: number): Promise<void> {
    const at = ['-n', this.#namespace];
    await ip(...at, 'addr', 'add', address, 'dev', this.interfaceName);
    await ip(...at, 'link', 'set', this.interfaceName, 'mtu', String(mtu), 'up');
  }

  async setLink(state: 'up' | 'down'): Promise<void> {
    await ip('-n', this.#namespace, 'link', 'set', this.interfaceName, state);
  }

  /** @throws {Error} the daemon has ended; the message has the last part of its stderr */
  checkAlive(): void {
    this.process.checkAlive();
  }

  async close(): Promise<void> {
    await this.process.end();
    rmSync(this.socket, { force: true });
    SOCKETS.delete(this.socket);
  }
}

/** Removes the sockets that killed daemons have left. */
export function removeSockets(): void {
  for (const path of SOCKETS) rmSync(path, { force: true });
}

function isSocket(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isSocket() === true;
}

/**
 * Resolves to true if a program listens on the socket. If none does, resolves to false after a
 * short pause.
 */
function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => setTimeout(() => resolve(false), 10));
  });
}

const SOCKETS = new Set<string>();
let started = 0;
