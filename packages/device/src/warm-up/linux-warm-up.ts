/**
 * `LinuxWarmUp`: a warm-up in the thread of a Linux device, while that has nothing else to do.
 *
 * @module
 */
import type * as Sys from '@litz/sys';
import type * as TunPackage from '@litz/tun';
import type { LinuxPackages } from '../linux/linux-packages.ts';
import type { LinuxSockets } from '../linux/linux-sockets.ts';
import type { DatagramSocket, Tun } from '../plane/io-interfaces.ts';
import { WarmUp, type WarmUpOptions } from './warm-up.ts';
import type { SharedState } from '../linux/shared-state.ts';

export interface LinuxWarmUpOptions extends Pick<WarmUpOptions, 'memory' | 'bytes' | 'crypto'> {
  readonly packages: LinuxPackages;
  /** Where its TUNs are written down while they are open. */
  readonly shared: SharedState;
  readonly sockets: LinuxSockets;
  /** Of the device's TUN. */
  readonly offloads: TunPackage.TunOffloads;
}

export class LinuxWarmUp {
  readonly #packages: LinuxPackages;
  readonly #warmUp: WarmUp;
  readonly #opened: DatagramSocket[] = [];

  /** Opens nothing yet. */
  constructor({ packages, shared, sockets, offloads, ...options }: LinuxWarmUpOptions) {
    const closeTun = (tun: Tun): void => {
      shared.closing(tun.fd);
      tun.close();
    };
    this.#packages = packages;
    this.#warmUp = new WarmUp({
      ...options,
      openTuns: () => {
        const tuns = packages.tun.openTunPair(offloads);
        try {
          for (const { fd } of tuns) shared.opened(fd);
        } catch (error) {
          tuns.forEach(closeTun);
          throw error;
        }
        return tuns;
      },
      closeTun,
      openSockets: () => {
        const opened = sockets.open({ port: 0, loopbackOnly: true });
        this.#opened.push(opened);
        return opened;
      },
      closeSockets: (opened) => sockets.close(opened),
    });
  }

  /** It is over, and all that it opened is closed. */
  get isDone(): boolean {
    return this.#warmUp.isDone;
  }

  /** Whether sockets of its own have it. */
  hasPort(port: number): boolean {
    return this.#opened.some((sockets) => sockets.fds.length > 0 && sockets.port === port);
  }

  /**
   * Goes on until it is over, any of `polled` is ready or something else is `due`. This is a loop of its
   * own, so that V8 does not take the device's for one that does this all the time.
   *
   * @param due as `boottimeMs` has it
   * @param packets that the device itself has carried
   */
  run(polled: Sys.PollSet, due: number, packets: number): void {
    const { boottimeMs } = this.#packages.sys;
    const warmUp = this.#warmUp;
    if (packets > ENOUGH_PACKETS) warmUp.end();
    for (let slice = 1; !warmUp.isDone; slice++) {
      // With pauses, in which V8's threads compile: fewer at once take less memory.
      if (polled.wait(slice % SLICES_PER_PAUSE === 0 ? PAUSE_MS : 0) !== 0) return;
      const now = boottimeMs();
      if (now >= due) return;
      warmUp.step(now);
    }
  }

  /** Closes all that it opened. May be called again. */
  end(): void {
    this.#warmUp.end();
  }

  /** @throws what of it could not be closed, whenever that was: at the end of the device */
  close(): void {
    this.#warmUp.close();
  }
}

const SLICES_PER_PAUSE = 16;
/** Rounded up to whole milliseconds; a fraction, as the times are that the device waits for. */
const PAUSE_MS = 0.5;
/** After so many packets of its own a device has compiled what it runs. */
const ENOUGH_PACKETS = 20_000;
