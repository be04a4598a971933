/**
 * `EventLoopSockets`: opens the UDP sockets of a device that runs on the event loop.
 *
 * On Linux these are batched sockets, with GSO, GRO and sticky sources. They need no privilege. The
 * sockets are those of node:dgram on other systems, if koffi is missing, outside the main thread,
 * and if `udp` is 'portable'.
 *
 * @module
 */
import { isMainThread } from 'node:worker_threads';
import type * as Sys from '@litz/sys';
import type * as UdpPackage from '@litz/udp';
import { Closers } from '../linux/closers.ts';
import type { CaptureSystem } from '../capture/capture-taps.ts';
import { createCaptureSystem } from '../linux/capture-system.ts';
import { RouteWatch } from '../linux/route-watch.ts';
import type { CommonSettings } from '../options.ts';
import type { DataPlane } from '../plane/data-plane.ts';
import type { Binding, DatagramSocket } from '../plane/io-interfaces.ts';
import type { PacketMemory } from '../plane/packet-memory.ts';

export interface EventLoopSocketsOptions extends Pick<CommonSettings, 'udp' | 'offload'> {
  /** Called when a step of the packet loop may have something to do. */
  readonly onReadable: () => void;
}

export class EventLoopSockets {
  readonly #udp: typeof UdpPackage;
  readonly #options: EventLoopSocketsOptions;
  readonly #closers: Closers = new Closers();
  /** Set if the sockets are batched ones. */
  #routes: RouteWatch | undefined = undefined;
  #createCaptureSystem: ((onBlocks: (id: number) => void) => CaptureSystem) | undefined = undefined;
  /** Why the sockets are not batched, although they should be. */
  #reason: string | undefined = undefined;
  // Set by `begin`.
  #plane!: DataPlane;
  #memory!: PacketMemory;

  /** Loads what the sockets need. Opens no sockets yet. */
  static async load(options: EventLoopSocketsOptions): Promise<EventLoopSockets> {
    const udp = await import('@litz/udp');
    const sockets = new EventLoopSockets(udp, options);
    if (options.udp === 'portable' || process.platform !== 'linux') return sockets;
    if (!isMainThread) {
      sockets.#reason = 'only the main thread gets the signals (SIGIO) of batched sockets';
      return sockets;
    }
    try {
      sockets.#watchRoutes(await import('@litz/sys'));
    } catch (error) {
      sockets.close();
      sockets.#reason = (error as Error).message;
    }
    return sockets;
  }

  private constructor(udp: typeof UdpPackage, options: EventLoopSocketsOptions) {
    this.#udp = udp;
    this.#options = options;
  }

  /** How many bytes the sockets need behind `PacketMemory.receiveOffset`. */
  get receiveBytes(): number {
    if (!this.#routes) return 0;
    return this.#udp.defaultSlots({ gro: this.#options.offload.udpGro }) * this.#udp.SLOT_LENGTH;
  }

  /** When `markSuspects` must be called, in ms on the clock of its `now`; Infinity: not needed. */
  get due(): number {
    return this.#routes?.due ?? Infinity;
  }

  /**
   * A function that returns the number of an interface, or undefined if there is no such interface.
   */
  get interfaceIndex(): (typeof UdpPackage)['interfaceIndex'] {
    return this.#udp.interfaceIndex;
  }

  /** Returns what captures need from the system. `onBlocks` becomes a part of the result. */
  captureSystem(onBlocks: (id: number) => void): CaptureSystem {
    return this.#createCaptureSystem?.(onBlocks) ?? { onBlocks };
  }

  /** Must be called once, before the first sockets are opened. */
  begin(plane: DataPlane, memory: PacketMemory): void {
    this.#plane = plane;
    this.#memory = memory;
    const reason = this.#reason;
    if (reason === undefined) return;
    for (const name of ['udpGso', 'udpGro'] as const) {
      if (this.#options.offload[name]) plane.lostOffloads.add(name, reason);
    }
  }

  /** @throws {SystemError} (rejects) the port is taken, or there is no right to set the mark */
  async open(binding: Binding): Promise<DatagramSocket> {
    const { offload, onReadable } = this.#options;
    const options = { ...binding, ...this.#plane.reports, onReadable };
    if (this.#routes) {
      return this.#udp.openEventLoopUdp({
        ...options,
        suspects: this.#routes.suspects,
        memory: { buffer: this.#memory.buffer, offset: this.#memory.receiveOffset },
        gso: offload.udpGso,
        gro: offload.udpGro,
      });
    }
    const { mark, ...rest } = options;
    const sockets = await this.#udp.openPortableUdp(rest);
    try {
      sockets.unref();
      sockets.setMark(mark);
      return sockets;
    } catch (error) {
      sockets.close();
      throw error;
    }
  }

  /** Marks sticky sources as suspect after a change of routes, if that is due. */
  markSuspects(now: number): void {
    if (now >= this.due) this.#routes?.markSuspects(now);
  }

  /** Must be called after each step. */
  endTurn(): void {
    this.#routes?.suspects.endTurn();
  }

  /** Releases what `load` opened. The sockets belong to the caller of `open`. */
  close(): void {
    this.#routes = undefined;
    this.#closers.close();
  }

  #watchRoutes(sys: typeof Sys): void {
    const netlink = new sys.Netlink();
    this.#closers.add(() => netlink.close());
    const plane = { endpoints: () => this.#plane.endpoints() };
    const routes = new RouteWatch({ sys, udp: this.#udp }, netlink, plane);
    this.#closers.add(() => routes.close());
    const end = sys.onReadable(routes.fd, () => {
      routes.recordChange();
      this.#options.onReadable();
    });
    this.#closers.add(end);
    this.#routes = routes;
    this.#createCaptureSystem = (onBlocks) => createCaptureSystem(sys, netlink, onBlocks);
  }
}
