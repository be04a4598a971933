/**
 * `PacketMemory`: the memory all packets of a device stand in, allocated once.
 *
 * ```
 *   | outbound: packets one behind the other | scratch: one packet | receive slots |
 *
 *   a packet:  | header room 16 | packet | padding 15 + tag 16 |
 *                    `- vnet header in its last 10 bytes while the TUN is read
 * ```
 * A packet is read, sealed and sent where it stands. Outbound packets stand close together, so that a
 * batch of small ones touches few pages, and runs of one length are in the order they leave in.
 *
 * @module
 */
import { VNET_HEADER_LENGTH } from './ports.ts';

/** The transport header of the outer message. */
const HEADER_ROOM = 16;
/** Padding and tag. */
const TAIL_ROOM = 31;
export const MAX_PACKET_LENGTH = 65535;
/** A 64 KiB super-packet with room for it, sixteen times. */
const OUTBOUND_LENGTH: number = 1 << 20;
const ALIGNMENT = 16;

export class PacketMemory {
  /** The memory of it all. */
  readonly buffer: Uint8Array;
  /** Where one packet that has no room in front is put together for the TUN. */
  readonly scratchOffset: number = OUTBOUND_LENGTH + HEADER_ROOM;
  /** Where the slots begin that the sockets receive into. */
  readonly receiveOffset: number;
  #next = HEADER_ROOM;

  /** @param receiveBytes for the sockets' receive slots, 0 where they have memory of their own */
  constructor(receiveBytes = 0) {
    this.receiveOffset = align(this.scratchOffset + MAX_PACKET_LENGTH);
    // A buffer of its own: the kernel reads and writes it by address.
    this.buffer = new Uint8Array(new ArrayBuffer(this.receiveOffset + receiveBytes));
  }

  /** Where the next outbound packet goes; -1 when the batch must be sent first. */
  nextPacket(): number {
    return this.#next + MAX_PACKET_LENGTH + TAIL_ROOM > OUTBOUND_LENGTH ? -1 : this.#next;
  }

  /** The packet at `nextPacket()` stays, `length` bytes, until `clear`. */
  keep(length: number): void {
    this.#next = align(this.#next + length + TAIL_ROOM + HEADER_ROOM);
  }

  /** All outbound packets were sent. */
  clear(): void {
    this.#next = HEADER_ROOM;
  }

  /** Copies a packet into the scratch, where its vnet header has room in front. */
  toScratch(buffer: Uint8Array, offset: number, length: number): void {
    const { scratchOffset } = this;
    // A view of its own is made only here: packets of the engine's making are few.
    this.buffer.set(buffer.subarray(offset, offset + length), scratchOffset);
  }
}

/** Zeroes the vnet header in front of a packet: nothing to segment, no checksum to fill in. */
export function clearVnetHeader(buffer: Uint8Array, packetOffset: number): void {
  for (let i = packetOffset - VNET_HEADER_LENGTH; i < packetOffset; i++) buffer[i] = 0;
}

function align(offset: number): number {
  return (offset + ALIGNMENT - 1) & -ALIGNMENT;
}
