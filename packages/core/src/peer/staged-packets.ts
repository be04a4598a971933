/**
 * `StagedPackets`: packets of one peer that wait for a session, section 6.4 of the WireGuard paper.
 *
 * Their number is limited: at the limit, a new packet replaces the oldest one. Each packet has a
 * buffer of its own, with space for the transport header in front and for padding and tag behind,
 * so that it can be sealed in place.
 *
 * @module
 */
import {
  MAX_STAGED_PACKETS,
  PADDING_MULTIPLE,
  TAG_LENGTH,
  TRANSPORT_HEADER_LENGTH,
} from '../constants.ts';
import type { StateCodec } from '../hand-over/state-codec.ts';

export class StagedPackets {
  /** A ring buffer: `#length` packets, the first at `#head`. */
  readonly #ring: (Uint8Array | undefined)[] = [];
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /**
   * Stores a copy of a packet.
   *
   * @returns false if the oldest packet was dropped to make space
   */
  push(buffer: Uint8Array, offset: number, length: number): boolean {
    const copy = new Uint8Array(STAGED_OFFSET + length + PADDING_MULTIPLE - 1 + TAG_LENGTH);
    for (let i = 0; i < length; i++) copy[STAGED_OFFSET + i] = buffer[offset + i];
    const fits = this.#length < MAX_STAGED_PACKETS;
    if (!fits) this.shift();
    this.#ring[(this.#head + this.#length) % MAX_STAGED_PACKETS] = copy;
    this.#length++;
    return fits;
  }

  /**
   * Removes and returns the buffer of the oldest packet, which then belongs to the caller. The
   * packet begins at `STAGED_OFFSET` and has the length `stagedLengthOf(buffer)`.
   */
  shift(): Uint8Array | undefined {
    if (this.#length === 0) return undefined;
    const packet = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) % MAX_STAGED_PACKETS;
    this.#length--;
    return packet;
  }

  /** Writes or reads the packets, for a hand-over. */
  code(codec: StateCodec): void {
    const count = codec.number(this.#length);
    for (let i = 0; i < count; i++) {
      const buffer = this.#ring[(this.#head + i) % MAX_STAGED_PACKETS];
      const packet = codec.optional(
        buffer?.subarray(STAGED_OFFSET, STAGED_OFFSET + stagedLengthOf(buffer)),
      );
      if (codec.isReading && packet) this.push(packet, 0, packet.length);
    }
  }

  /** Drops all packets. Returns how many there were. */
  clear(): number {
    const dropped = this.#length;
    this.#ring.length = 0;
    this.#head = 0;
    this.#length = 0;
    return dropped;
  }
}

/** Returns the length of the packet in a buffer that `StagedPackets` made. */
export function stagedLengthOf(buffer: Uint8Array): number {
  return buffer.length - STAGED_OFFSET - (PADDING_MULTIPLE - 1) - TAG_LENGTH;
}

/** The offset of a staged packet in its buffer. */
export const STAGED_OFFSET: number = TRANSPORT_HEADER_LENGTH;
