/**
 * `ServedDevice`: a device on an interface, with the UAPI socket that `wg` uses, and a log of its
 * events.
 *
 * @module
 */
import { wipeSecrets } from '@litz/config';
import type { PublicKey } from '@litz/core';
import {
  Device,
  UapiServer,
  type DeviceEvents,
  type TakenDevice,
  type UapiServerOptions,
  type UapiTarget,
} from '@litz/device';
import { EndpointRefresh } from '@litz/device/quick';
import { closeAll } from './close-all.ts';
import { logDevice, loggedTarget } from './device-log.ts';
import type { FollowedNames } from './followed-names.ts';
import { createLog, type Log, type LogLevel } from './log.ts';

export interface ServedDeviceOptions {
  readonly level: LogLevel;
  /**
   * 'if-allowed': if this user may not make a socket, the device works without one, and
   * `onUnserved` is called with the reason.
   */
  readonly socket: 'required' | 'if-allowed';
  readonly onUnserved?: (reason: string) => void;
  /** Whether the interface stays when the process is killed. Default false. */
  readonly persist?: boolean;
  /** The names of endpoints that peers get when a client of the socket adds them. Default: none. */
  readonly names?: FollowedNames | undefined;
}

export class ServedDevice {
  readonly device: Device;
  readonly log: Log;
  /**
   * Resolves when the device is closed, or when another program removed the socket, which means
   * that the device should end. Rejects when the packet loop crashed.
   */
  readonly ended: Promise<void>;
  readonly #names: FollowedNames | undefined;
  readonly #refresh: EndpointRefresh;
  readonly #lostOffloads: Set<string> = new Set();
  #server: UapiServer | undefined = undefined;
  #remove!: () => void;
  /**
   * Removes the socket, so that `wg` finds no dead socket even if this process ends because of a
   * bug. Errors are ignored here, because `close` reports them.
   */
  readonly #removeSocket = (): void => void this.#server?.close().catch(() => {});

  /**
   * Makes the interface (down, without an address) and serves its socket.
   *
   * @param name the name of the interface; the kernel replaces a `%d` in the name by a number
   * @throws {WireGuardError} (rejects) the interface or the socket cannot be made; everything is
   *   released
   */
  static async open(name: string, options: ServedDeviceOptions): Promise<ServedDevice> {
    const { persist = false } = options;
    const device = await Device.create({ tun: { name, persist }, up: false, warmUp: true });
    const served = new ServedDevice(device, options);
    try {
      served.log.verbose('interface made');
      const { provider, reason } = device.crypto;
      served.log.verbose(`cryptography by ${provider}: ${reason}`);
      await served.#serve(options);
      return served;
    } catch (error) {
      await served.close();
      throw error;
    }
  }

  /**
   * Serves a device that was taken over from another process, on the socket of that process.
   *
   * @throws {WireGuardError} (rejects) the socket cannot be served; `taken.leave` must follow
   */
  static async take(
    taken: TakenDevice,
    options: Pick<ServedDeviceOptions, 'level' | 'names'>,
  ): Promise<ServedDevice> {
    const served = new ServedDevice(taken.device, options);
    await served.#serve({ socket: 'required' }, taken.uapiFd);
    return served;
  }

  private constructor(
    device: Device,
    { level, names }: Pick<ServedDeviceOptions, 'level' | 'names'>,
  ) {
    this.device = device;
    this.log = createLog(level, device.name);
    this.#names = names;
    this.#refresh = new EndpointRefresh({ device, log: (line) => this.log.error(line) });
    const removed = new Promise<void>((resolve) => (this.#remove = resolve));
    this.ended = Promise.race([removed, this.#untilDeviceEnds()]);
    // Prevents an unhandled rejection before the owner waits for `ended`.
    this.ended.catch(() => {});
  }

  /** The server of the UAPI socket, if there is one. */
  get server(): UapiServer | undefined {
    return this.#server;
  }

  /** Returns all offloads, and whether each is in use. */
  offloads = (): ReadonlyMap<string, boolean> =>
    new Map(OFFLOADS.map((name) => [name, !this.#lostOffloads.has(name)]));

  /** Ends serving, and leaves the socket to another process. The device goes on. */
  async leaveSocket(): Promise<void> {
    process.off('exit', this.#removeSocket);
    await this.#server?.release();
  }

  async close(): Promise<void> {
    process.off('exit', this.#removeSocket);
    await closeAll(
      () => this.#refresh.close(),
      () => this.#server?.close(),
      () => this.device.close(),
    );
  }

  /** @param fd the listening socket of another process; default: a new one is made */
  async #serve(
    { socket, onUnserved }: Pick<ServedDeviceOptions, 'socket' | 'onUnserved'>,
    fd?: number,
  ): Promise<void> {
    const path = UapiServer.path(this.device.name);
    const options: UapiServerOptions = {
      path,
      onRemoved: this.#remove,
      onRefused: (error) => this.log.error(`UAPI: ${error.message}`),
    };
    const target = loggedTarget(this.#target(), this.log);
    try {
      this.#server =
        fd === undefined
          ? await UapiServer.listen(target, options)
          : await UapiServer.adopt(target, options, fd);
    } catch (error) {
      if (socket === 'required' || !isForbidden(error)) throw error;
      onUnserved?.((error as Error).message);
      return;
    }
    process.on('exit', this.#removeSocket);
    // The device may be closed by others. The socket must not outlive it.
    this.device.once('close', this.#removeSocket);
    this.log.verbose(`serves ${path}`);
  }

  /** Returns the device for the UAPI server, with the details that only this class knows. */
  #target(): UapiTarget {
    const { device } = this;
    return {
      status: () => device.status(),
      statusParts: () => device.statusParts(),
      configure: async (change) => {
        const named = await this.#names?.addTo(change, (key) => this.#hasPeer(key));
        await device.configure(named ?? change);
      },
      capture: (options) => device.capture(options),
      followPeers: (listener) => device.followPeers(listener),
      details: async () => {
        const { threads, loop, drops } = await device.stats();
        const priority = loop.isRealtime ? 'realtime' : 'normal';
        const { provider, reason: providerReason } = device.crypto;
        const offloads = OFFLOADS.filter((name) => !this.#lostOffloads.has(name));
        return { provider, providerReason, offloads, threads, priority, drops };
      },
    };
  }

  async #hasPeer(publicKey: PublicKey): Promise<boolean> {
    const peer = await this.device.peer(publicKey);
    if (peer) wipeSecrets({ peers: [peer] });
    return peer !== undefined;
  }

  #untilDeviceEnds(): Promise<void> {
    const { device, log } = this;
    logDevice(device, log);
    device.on('offload', ({ name }) => this.#lostOffloads.add(name));
    return new Promise((resolve, reject) => {
      device.on('error', (error) => {
        if ((error as { code?: unknown }).code === 'ERR_LITZ_WORKER') reject(error);
        else log.error(error.message);
      });
      device.on('close', resolve);
    });
  }
}

/**
 * Returns whether this user cannot make a socket. ENOENT means that the parent of the socket's
 * folder does not exist.
 */
function isForbidden(error: unknown): boolean {
  const { cause } = error as { cause?: { code?: unknown } };
  return ['EACCES', 'EPERM', 'EROFS', 'ENOENT'].includes(String(cause?.code));
}

type OffloadName = DeviceEvents['offload'][0]['name'];

/** A record, so that the compiler reports a name that is missing. */
const OFFLOAD_NAMES: Readonly<Record<OffloadName, true>> = {
  tunTcp: true,
  tunUdp: true,
  udpGso: true,
  udpGro: true,
};
const OFFLOADS: readonly string[] = Object.keys(OFFLOAD_NAMES);
