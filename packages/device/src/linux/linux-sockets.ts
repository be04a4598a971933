/**
 * `LinuxSockets`: opens the UDP sockets of a Linux device's thread: those of the device, and those
 * of its warm-up. All have the same memory and offloads, and their descriptors are recorded in
 * the shared memory while they are open.
 *
 * @module
 */
import type * as Udp from '@litz/udp';
import type { CommonSettings } from '../options.ts';
import type { PacketMemory } from '../plane/packet-memory.ts';
import type { DatagramSocket } from '../plane/io-interfaces.ts';
import type { ThreadControl } from './thread-control.ts';

export interface LinuxSocketsOptions {
  readonly udp: typeof Udp;
  readonly control: ThreadControl;
  readonly memory: PacketMemory;
  readonly offload: CommonSettings['offload'];
}

export class LinuxSockets {
  readonly #options: LinuxSocketsOptions;

  /** Opens nothing yet. */
  constructor(options: LinuxSocketsOptions) {
    this.#options = options;
  }

  /**
   * @throws {SystemError} as `openUdp` does; {RangeError} as `ThreadControl.recordDescriptor` does
   */
  open(options: Omit<Udp.UdpOptions, 'memory' | 'gso' | 'gro'>): Udp.UdpSockets {
    const { udp, offload } = this.#options;
    return this.#record(udp.openUdp({ ...options, ...this.#memory(), gso: offload.udpGso }));
  }

  /**
   * Continues with the sockets of another process, and takes ownership of them.
   *
   * @param options `gso`: whether the other process has used UDP GSO
   * @throws {RangeError} as `ThreadControl.recordDescriptor` does
   */
  adopt(
    sockets: Udp.AdoptedSockets,
    options: Omit<Udp.UdpOptions, 'memory' | 'port' | 'gro'>,
  ): Udp.UdpSockets {
    return this.#record(this.#options.udp.adoptUdp(sockets, { ...options, ...this.#memory() }));
  }

  #memory(): Pick<Udp.UdpOptions, 'memory' | 'gro'> {
    const { memory, offload } = this.#options;
    return {
      memory: { buffer: memory.buffer, offset: memory.receiveOffset },
      gro: offload.udpGro,
    };
  }

  #record(sockets: Udp.UdpSockets): Udp.UdpSockets {
    try {
      for (const fd of sockets.fds) this.#options.control.recordDescriptor(fd);
    } catch (error) {
      this.close(sockets);
      throw error;
    }
    return sockets;
  }

  /** @param sockets returned by `open` or `adopt` */
  close(sockets: DatagramSocket): void {
    for (const fd of sockets.fds) this.#options.control.forgetDescriptor(fd);
    sockets.close();
  }
}
