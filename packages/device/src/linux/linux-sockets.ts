/**
 * `LinuxSockets`: opens the UDP sockets of a Linux device's thread: those of the device, and those
 * of its warm-up. All are opened with the same options, and recorded in the shared memory while
 * they are open.
 *
 * @module
 */
import type * as Sys from '@litz/sys';
import type * as TunPackage from '@litz/tun';
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
  /** The TUN of the device. */
  readonly tun: Pick<TunPackage.TunDevice, 'interfaceIndex' | 'name'>;
  /** A Netlink socket in the network namespace of the sockets. */
  readonly netlink: Sys.Netlink;
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
    const { udp, control, memory, offload } = this.#options;
    const sockets = udp.openUdp({
      ...options,
      memory: { buffer: memory.buffer, offset: memory.receiveOffset },
      gso: offload.udpGso,
      gro: offload.udpGro,
    });
    try {
      for (const fd of sockets.fds) control.recordDescriptor(fd);
    } catch (error) {
      this.close(sockets);
      throw error;
    }
    return sockets;
  }

  /** @param sockets returned by `open` */
  close(sockets: DatagramSocket): void {
    for (const fd of sockets.fds) this.#options.control.forgetDescriptor(fd);
    sockets.close();
  }
}
