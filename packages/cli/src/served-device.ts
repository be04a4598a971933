/**
 * `ServedDevice`: a device on an interface, with the UAPI socket that `wg` asks, and a log of what
 * happens to it.
 *
 * @module
 */
import { Device, UapiServer } from '@litz/device';
import { returnFreedMemory } from '@litz/sys';
import { logDevice, loggedTarget } from './device-log.ts';
import { createLog, type Log, type LogLevel } from './log.ts';
import { endSmallStart } from './small-start.ts';

export interface ServedDeviceOptions {
  readonly level: LogLevel;
  /**
   * 'if-allowed': goes on without a socket where this user may not make one, and tells `onUnserved`
   * why.
   */
  readonly socket: 'required' | 'if-allowed';
  readonly onUnserved?: (reason: string) => void;
}

export class ServedDevice {
  readonly device: Device;
  readonly log: Log;
  /**
   * Resolves when the device is closed or somebody removed the socket, which asks it to end; rejects
   * when the packet loop crashed.
   */
  readonly ended: Promise<void>;
  #server: UapiServer | undefined = undefined;
  #remove!: () => void;
  /** Also when this process ends by a mistake of its own, `wg` must not find a dead socket. */
  readonly #removeSocket = (): void => void this.#server?.close();

  /**
   * Makes the interface, down and without address, and serves it.
   *
   * @param name of the interface, or with one `%d` for which the kernel chooses the number
   * @throws {WireGuardError} (rejects) nothing is left then
   */
  static async open(name: string, options: ServedDeviceOptions): Promise<ServedDevice> {
    returnFreedMemory();
    const device = await Device.create({ tun: name, up: false, warmUp: true });
    endSmallStart();
    const served = new ServedDevice(device, options.level);
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

  private constructor(device: Device, level: LogLevel) {
    this.device = device;
    this.log = createLog(level, device.name);
    const removed = new Promise<void>((resolve) => (this.#remove = resolve));
    this.ended = Promise.race([removed, this.#endOfDevice()]);
    // Who does not wait for it yet hears of it later.
    this.ended.catch(() => {});
  }

  async close(): Promise<void> {
    process.off('exit', this.#removeSocket);
    await this.#server?.close();
    await this.device.close();
  }

  async #serve({ socket, onUnserved }: ServedDeviceOptions): Promise<void> {
    const path = UapiServer.path(this.device.name);
    try {
      this.#server = await UapiServer.listen(loggedTarget(this.device, this.log), {
        path,
        onRemoved: this.#remove,
        onRefused: (error) => this.log.error(`UAPI: ${error.message}`),
      });
    } catch (error) {
      if (socket === 'required' || !isForbidden(error)) throw error;
      onUnserved?.((error as Error).message);
      return;
    }
    process.on('exit', this.#removeSocket);
    // Whoever closes it: nobody is to find a socket without device.
    this.device.once('close', this.#removeSocket);
    this.log.verbose(`serves ${path}`);
  }

  #endOfDevice(): Promise<void> {
    const { device, log } = this;
    logDevice(device, log);
    return new Promise((resolve, reject) => {
      device.on('error', (error) => {
        if ((error as { code?: unknown }).code === 'ERR_LITZ_WORKER') reject(error);
        else log.error(error.message);
      });
      device.on('close', resolve);
    });
  }
}

/** ENOENT: not even the folder that the socket's folder would be made in is there. */
function isForbidden(error: unknown): boolean {
  const { cause } = error as { cause?: { code?: unknown } };
  return ['EACCES', 'EPERM', 'EROFS', 'ENOENT'].includes(String(cause?.code));
}
