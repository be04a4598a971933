/**
 * `giveDevice`: the process that has a device hands it over to another one.
 *
 * @module
 */
import { checkInteger, checkObject } from '@litz/core/internals';
import type * as Sys from '@litz/sys';
import { driverOf, Device } from '../device.ts';
import type { Driver } from '../driver.ts';
import type { UapiServer } from '../uapi/uapi-server.ts';
import { copyDescriptor } from './copy-descriptor.ts';
import { HAND_OVER_FORMAT, HandOverChannel, type HandOverMessage } from './hand-over-channel.ts';

/** The process that will get the device, if this process can kill it. */
export interface Successor {
  /** Kills the process. Resolves to true when it is gone, and to false if it cannot be killed. */
  kill(): Promise<boolean>;
}

export interface GiveOptions {
  /** The connection to the other process; it is closed at the end. */
  readonly channel: Sys.UnixChannel;
  /**
   * Default: a process that this one cannot kill, such as a process in another container. Then this
   * process waits without a limit after it has given the sessions away, until the other process is
   * at work or has ended.
   */
  readonly successor?: Successor | undefined;
  /** The UAPI server of the device, if there is one. It is handed over with the device. */
  readonly server: UapiServer | undefined;
  /**
   * How long this process waits for `hello`, and then again for `ready`, in ms. The device
   * continues meanwhile. Default 60 s.
   */
  readonly readyMs?: number;
  /**
   * Ends a hand-over. If the sessions were not given away yet, the device continues here. Otherwise
   * it belongs to the other process, and `giveDevice` resolves.
   */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Hands a device over. After this function has resolved, the device and the server belong to the
 * other process. Then call `close` of both in this process. It leaves the interface and the socket
 * as they are.
 *
 * @returns how long the device rested, in ms: it neither read packets nor sent datagrams
 * @throws {TypeError | RangeError} (rejects) an argument is wrong; nothing has happened
 * @throws {Error} (rejects) the device was not handed over; the message says why. The other process
 *   has been killed, or cannot use the device, and the device continues. It makes new sessions if
 *   the other process may have used the old ones. But if the other process may have the device and
 *   cannot be killed, this process closes the device.
 */
export async function giveDevice(device: Device, options: GiveOptions): Promise<number> {
  if (!(device instanceof Device)) throw new TypeError('"device" expected a Device');
  checkObject(options, 'options', ['channel', 'successor', 'server', 'readyMs', 'signal']);
  checkObject(options.channel, 'channel');
  if (options.successor !== undefined) checkObject(options.successor, 'successor');
  checkInteger(options.readyMs, 'readyMs', 1, 2 ** 31 - 1);
  const sys = await import('@litz/sys');
  const channel = new HandOverChannel(options.channel, sys);
  const restedMs = await new Giving(driverOf(device), channel, options, sys).run();
  channel.close();
  return restedMs;
}

class Giving {
  readonly #driver: Driver;
  readonly #channel: HandOverChannel;
  readonly #options: GiveOptions;
  readonly #sys: typeof Sys;
  #isGivenUp = false;
  /** Whether the other process was killed, or has closed the device. */
  #isOtherGone = false;

  constructor(driver: Driver, channel: HandOverChannel, options: GiveOptions, sys: typeof Sys) {
    this.#driver = driver;
    this.#channel = channel;
    this.#options = options;
    this.#sys = sys;
  }

  async run(): Promise<number> {
    const { readyMs = READY_MS, successor } = this.#options;
    try {
      this.#checkHello(await this.#expect('hello', readyMs));
      await this.#offer();
      await this.#expect('ready', readyMs);
    } catch (error) {
      this.#abort(error);
      await successor?.kill();
      throw error;
    }
    return this.#move();
  }

  #checkHello({ message }: { message: HandOverMessage }): void {
    if (message.type !== 'hello') return;
    const { format, version, network } = message;
    if (format !== HAND_OVER_FORMAT) {
      throw new Error(
        `litz ${version} has another format of the hand-over (${format} instead of ` +
          `${HAND_OVER_FORMAT}): restart the daemon instead`,
      );
    }
    if (network !== undefined && network !== this.#sys.networkNamespaceId()) {
      throw new Error('the two processes are in different network namespaces');
    }
  }

  /** Sends a copy of the device's state and its descriptors, while the device continues. */
  async #offer(): Promise<void> {
    const { server } = this.#options;
    const saved = await this.#driver.request({ type: 'save', rest: false });
    this.#channel.sendDevice('offer', saved, server && server.fd);
  }

  /** Moves the server and the device. Clients of the server wait meanwhile. */
  async #move(): Promise<number> {
    const { server } = this.#options;
    if (!server) return this.#moveDevice(undefined);
    // The copy keeps the socket open, so that clients can wait while the server is paused.
    const uapiFd = copyDescriptor(this.#sys, server.fd);
    try {
      await server.pause();
      const restedMs = await this.#moveDevice(uapiFd);
      await server.release();
      return restedMs;
    } catch (error) {
      // The server takes ownership of this copy.
      if (!this.#isGivenUp) await server.resume(copyDescriptor(this.#sys, uapiFd));
      throw error;
    } finally {
      this.#sys.libc().close(uapiFd);
    }
  }

  /** Moves the device, which rests meanwhile. */
  async #moveDevice(uapiFd: number | undefined): Promise<number> {
    const begin = this.#sys.boottimeMs();
    let restart = false;
    let end: number;
    try {
      const saved = await this.#driver.request({ type: 'save', rest: true });
      this.#channel.sendDevice('state', saved, uapiFd);
      await this.#expect('restored', MOVE_MS);
      this.#channel.send({ type: 'commit' });
      // From here on the other process may seal with our sessions.
      restart = true;
      end = await this.#untilRunning();
    } catch (error) {
      await this.#takeBack(error, restart);
      throw error;
    }
    await this.#driver.request({ type: 'release' });
    return end - begin;
  }

  /**
   * Resolves to the time at which the other process continued the device.
   *
   * A process that cannot be killed may hang. Then it still owns the device, and continues when it
   * wakes up. So there is no limit for it.
   */
  async #untilRunning(): Promise<number> {
    const { successor, signal } = this.#options;
    try {
      const { message } = await this.#expect('running', successor ? MOVE_MS : Infinity);
      if (message.type === 'running' && message.since !== undefined) return message.since;
    } catch (error) {
      if (successor || this.#isOtherGone || signal?.aborted !== true) throw error;
    }
    return this.#sys.boottimeMs();
  }

  /**
   * Continues with the device. If the other process may have the sessions, it is killed first, so
   * that the device has one owner.
   */
  async #takeBack(error: unknown, restart: boolean): Promise<void> {
    this.#abort(error);
    const { successor } = this.#options;
    const isGone = successor ? await successor.kill() : this.#isOtherGone;
    if (restart && !isGone) {
      // A device without an owner is better than a device with two.
      this.#isGivenUp = true;
      await this.#driver.request({ type: 'release' });
      await this.#driver.close();
      throw new Error(
        `${textOf(error)}; the new process may have the device, so this process has given it up`,
      );
    }
    await this.#driver.request({ type: 'resume', restart });
  }

  /** @throws {Error} (rejects) the other process has ended, failed, refused or not answered */
  async #expect(
    type: HandOverMessage['type'],
    timeoutMs: number,
  ): Promise<{ message: HandOverMessage }> {
    const arrived = await this.#channel.receive(timeoutMs, this.#options.signal);
    if (arrived === 'closed') {
      this.#isOtherGone = true;
      throw new Error('the new process ended before it had the device');
    }
    const { message } = arrived;
    if (message.type === type) return arrived;
    if ('reason' in message) {
      this.#isOtherGone = true;
      throw new Error(message.reason);
    }
    throw new Error(`the new process sent ${message.type} instead of ${type}`);
  }

  #abort(error: unknown): void {
    void this.#channel.endWith({ type: 'abort', reason: textOf(error) });
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** In ms. In this time the other process starts, loads its code and lets V8 compile it. */
const READY_MS = 60_000;
/** In ms, for one step while the device rests. */
const MOVE_MS = 5000;
