/**
 * `PolledSockets`: keeps the current sockets of a packet path in a set of polled descriptors.
 *
 * @module
 */
import type * as Sys from '@litz/sys';
import type { DatagramSocket } from '../plane/io-interfaces.ts';
import type { PacketPath } from '../plane/packet-path.ts';

export class PolledSockets {
  readonly #polled: Sys.PollSet;
  readonly #events: number;
  #sockets: DatagramSocket | undefined = undefined;
  #indices: number[] = [];

  /** @param events POLLIN */
  constructor(polled: Sys.PollSet, events: number) {
    this.#polled = polled;
    this.#events = events;
  }

  /** Polls these sockets instead of the former ones. */
  follow(sockets: DatagramSocket | undefined): void {
    if (sockets === this.#sockets) return;
    for (const index of this.#indices) this.#polled.remove(index);
    this.#sockets = sockets;
    this.#indices = (sockets?.fds ?? []).map((fd) => this.#polled.add(fd, this.#events));
  }

  /** Receives from the sockets that are ready. Stops if the path gets other sockets meanwhile. */
  receive(path: PacketPath, now: number): void {
    // A loop by index, because an iterator would allocate an object per turn.
    for (let i = 0; i < this.#indices.length; i++) {
      if (this.#sockets !== path.sockets) return;
      if (this.#polled.ready(this.#indices[i]!) !== 0) path.receive(now, i);
    }
  }
}
