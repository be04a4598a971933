/**
 * `InterfaceClient` and `socketNames`: find the daemons of this machine, and read their status.
 *
 * Every daemon with a UAPI socket is found: Litz, wireguard-go, boringtun. The interfaces of the
 * kernel's own WireGuard have no socket.
 *
 * @module
 */
import { opendirSync } from 'node:fs';
import { UapiError, type DeviceStatus } from '@litz/config';
import { UapiClient } from '@litz/config/uapi';
import { isInterfaceName, quote } from '@litz/core/internals';
import { Failure } from '../failure.ts';

/** Reads the status of one interface, with everything that its daemon reports. */
export class InterfaceClient {
  readonly name: string;
  readonly #client: UapiClient;
  /** Whether the daemon refuses to give more than `wg` needs. */
  #isPlain = false;
  #isClosed = false;

  /**
   * @param options.keepsConnection whether the connection stays open between two readings; for a
   *   client that reads again and again
   * @throws {Failure} `name` is not the name of an interface
   */
  constructor(name: string, options: { keepsConnection?: boolean } = {}) {
    if (!isInterfaceName(name)) {
      throw new Failure(`${quote(name)} is not the name of an interface`, { exitCode: 2 });
    }
    this.name = name;
    this.#client = UapiClient.of(name, options);
  }

  /**
   * Returns the status. It contains secrets: the caller wipes it.
   *
   * @throws {UapiError | WireGuardError} (rejects) the daemon does not answer
   */
  async read(): Promise<DeviceStatus> {
    if (this.#isPlain) return this.#client.get();
    try {
      return await this.#client.get({ stats: true });
    } catch (error) {
      if (!(error instanceof UapiError) || this.#isClosed) throw error;
      const status = await this.#client.get();
      this.#isPlain = true;
      return status;
    }
  }

  /** Closes the connection. A reading in progress rejects. */
  close(): void {
    this.#isClosed = true;
    this.#client.close();
  }
}

/**
 * Returns the names of the interfaces that have a socket, in the order of the folder, as `wg` does.
 * The socket that a killed daemon has left counts too.
 */
export function socketNames(folder = '/var/run/wireguard'): string[] {
  const names: string[] = [];
  try {
    const opened = opendirSync(folder);
    for (let entry = opened.readSync(); entry; entry = opened.readSync()) {
      if (!entry.isSocket() || !entry.name.endsWith('.sock')) continue;
      const name = entry.name.slice(0, -'.sock'.length);
      if (isInterfaceName(name)) names.push(name);
    }
    opened.closeSync();
  } catch {
    // If the folder does not exist, there is no daemon.
  }
  return names;
}
