/**
 * `WireTap`: captures the frames of one link and counts them with a `Crossing`.
 *
 * @module
 */
import { PacketSocket } from '@litz/sys/tools';
import type { Crossing } from './crossing.ts';

export class WireTap {
  readonly #socket: PacketSocket;
  readonly #crossing: Crossing;
  readonly #frame: Uint8Array = new Uint8Array(MAX_FRAME);
  readonly #timer: NodeJS.Timeout;

  /**
   * Starts the capture, in the network namespace of the calling thread.
   *
   * @throws {SystemError} EPERM: CAP_NET_RAW is missing
   */
  constructor(interfaceIndex: number, crossing: Crossing) {
    this.#socket = new PacketSocket(interfaceIndex);
    this.#crossing = crossing;
    this.#timer = setInterval(() => this.#drain(), DRAIN_INTERVAL_MS);
  }

  /**
   * Reads the remaining frames. Returns how many frames were lost because they were not read in
   * time.
   */
  close(): number {
    clearInterval(this.#timer);
    this.#drain();
    const { drops } = this.#socket;
    this.#socket.close();
    return drops;
  }

  #drain(): void {
    for (;;) {
      const length = this.#socket.read(this.#frame);
      if (length === 0) return;
      this.#crossing.add(this.#frame.subarray(0, Math.min(length, MAX_FRAME)));
    }
  }
}

/** More bytes than the longest super-packet and its Ethernet header. */
const MAX_FRAME = 68 * 1024;
const DRAIN_INTERVAL_MS = 2;
