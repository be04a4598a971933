/**
 * `takeDevice`: a new process continues the device of another one.
 *
 * @module
 */
import { nobleProvider } from '@litz/core';
import { checkObject, checkState, requireText, secretCopy } from '@litz/core/internals';
import type * as Sys from '@litz/sys';
import { createSuccessor, driverOf, type Device } from '../device.ts';
import type { DeviceOptions } from '../options.ts';
import {
  HAND_OVER_FORMAT,
  HandOverChannel,
  type Arrived,
  type HandOverMessage,
  type ReceivedDevice,
} from './hand-over-channel.ts';

export interface TakeOptions extends Omit<DeviceOptions, 'tun' | 'up'> {
  /** `TunOptions.persist` of the device. Default false. */
  readonly persist?: boolean;
  /** The connection to the other process. */
  readonly channel: Sys.UnixChannel;
  /** The version of this program, for messages. */
  readonly version: string;
  /** Gives up the hand-over if this process does not have the sessions yet. Default: never. */
  readonly signal?: AbortSignal | undefined;
}

/** A device that runs in this process from now on. */
export interface TakenDevice {
  readonly device: Device;
  readonly name: string;
  /** The listening UAPI socket, which belongs to the caller. */
  readonly uapiFd: number | undefined;
  /**
   * Whether the sessions continue. If not, the other process was killed, and new sessions are made.
   */
  readonly hasSessions: boolean;
  /** Tells the other process that it can end. */
  confirm(): void;
  /**
   * Used instead of `confirm` after a failure: closes the device and leaves its interface to the
   * other process, which gets the error and continues.
   */
  leave(error: unknown): Promise<void>;
}

/**
 * Takes a device over. When this function resolves, the device runs. The caller then serves the
 * UAPI socket and calls `confirm`.
 *
 * @throws {Error} (rejects) the device was not taken over. If the other process still runs, it
 *   continues the device.
 */
export async function takeDevice(options: TakeOptions): Promise<TakenDevice> {
  checkObject(options, 'options');
  checkObject(options.channel, 'channel');
  requireText(options.version, 'version');
  const { channel: connection, version, signal, ...deviceOptions } = options;
  const sys = await import('@litz/sys');
  const channel = new HandOverChannel(connection, sys);
  const taking = new Taking(channel, deviceOptions, sys, signal);
  try {
    return await taking.run(version);
  } catch (error) {
    await taking.giveUp(error);
    throw error;
  }
}

type SuccessorOptions = Omit<TakeOptions, 'channel' | 'version' | 'signal'>;

class Taking {
  readonly #channel: HandOverChannel;
  readonly #options: SuccessorOptions;
  readonly #sys: typeof Sys;
  readonly #signal: AbortSignal | undefined;
  #device: Device | undefined = undefined;

  constructor(
    channel: HandOverChannel,
    options: SuccessorOptions,
    sys: typeof Sys,
    signal: AbortSignal | undefined,
  ) {
    this.#channel = channel;
    this.#options = options;
    this.#sys = sys;
    this.#signal = signal;
  }

  async run(version: string): Promise<TakenDevice> {
    // If the namespace is not known, the old process refuses this one.
    const network = this.#sys.networkNamespaceId() ?? '';
    this.#channel.send({ type: 'hello', format: HAND_OVER_FORMAT, version, network });
    const first = await this.#next('offer');
    if (first === 'closed') throw new Error('the other process ended before it offered a device');
    const offer = this.#channel.readDevice(first);
    this.#check(offer);
    this.#device = await createSuccessor(offer.saved.settings.name, this.#options, {
      offloads: offer.saved.settings.offloads,
    });
    await this.#rehearse(offer);
    this.#trySend({ type: 'ready' });
    const second = await this.#next('state');
    if (second === 'closed') {
      await this.#adopt(offer);
      return this.#resume(offer, false);
    }
    this.#forget(offer);
    const received = this.#channel.readDevice(second);
    await this.#adopt(received);
    this.#trySend({ type: 'restored' });
    await this.#next('commit');
    return this.#resume(received, true);
  }

  /** Closes the device and sends the error to the other process. */
  async giveUp(error: unknown): Promise<void> {
    // The device is closed first, because the other process continues with it after `failed`.
    await this.#device?.close();
    await this.#channel.endWith({ type: 'failed', reason: (error as Error).message });
  }

  #check({ saved: { settings, state } }: ReceivedDevice): void {
    checkState(nobleProvider, state);
    const difference = Math.abs(this.#sys.boottimeMs() - settings.now);
    if (difference > MOST_DIFFERENCE_MS) {
      throw new Error('the two processes have different clocks (time namespaces)');
    }
  }

  /** Does all work that need not wait until the other process rests. */
  async #rehearse({ saved }: ReceivedDevice): Promise<void> {
    const state = secretCopy(saved.state);
    const copy = { ...saved, state };
    await driverOf(this.#device!).request({ type: 'rehearse', saved: copy });
  }

  async #adopt({ saved }: ReceivedDevice): Promise<void> {
    await driverOf(this.#device!).request({ type: 'adopt', saved });
  }

  async #resume({ saved, uapiFd }: ReceivedDevice, hasSessions: boolean): Promise<TakenDevice> {
    const device = this.#device!;
    await driverOf(device).request({ type: 'resume', restart: !hasSessions });
    const since = this.#sys.boottimeMs();
    return {
      device,
      name: saved.settings.name,
      uapiFd,
      hasSessions,
      confirm: () => {
        void this.#channel.endWith({ type: 'running', since });
      },
      leave: async (error) => {
        await driverOf(device).request({ type: 'release' });
        await this.giveUp(error);
      },
    };
  }

  /** Wipes the offered state and closes its descriptors, because a newer state has come. */
  #forget({ saved, uapiFd }: ReceivedDevice): void {
    saved.state.fill(0);
    for (const fd of [...saved.fds, uapiFd]) if (fd !== undefined) this.#sys.libc().close(fd);
  }

  /** Resolves to the next message, or to 'closed' if the other process was killed. */
  async #next(type: HandOverMessage['type']): Promise<Arrived | 'closed'> {
    const arrived = await this.#channel.receive(LONGEST_WAIT_MS, this.#signal);
    if (arrived === 'closed') return arrived;
    const { message } = arrived;
    if (message.type === type) return arrived;
    if ('reason' in message) throw new Error(message.reason);
    throw new Error(`the other process sent ${message.type} instead of ${type}`);
  }

  /**
   * Sends a message. If the other process was killed, this throws nothing; the next `#next` reports
   * it.
   */
  #trySend(message: HandOverMessage): void {
    try {
      this.#channel.send(message);
    } catch (error) {
      if (!(error instanceof this.#sys.SystemError)) throw error;
    }
  }
}

/** In ms. The other process waits for its UAPI clients before it rests and sends the state. */
const LONGEST_WAIT_MS = 60_000;
/** The offer is only a few ms old, so a larger difference shows that the clocks differ. */
const MOST_DIFFERENCE_MS = 60_000;
