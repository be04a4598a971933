/**
 * `StagedPackets`: packets of one peer that wait for a session, section 6.4.
 *
 * Bounded; a newer packet pushes the oldest out. Each stands in a buffer of its own with room for the
 * transport header in front and for padding and tag behind, so that it is sealed where it stands.
 *
 * @module
 */
import {
  MAX_STAGED_PACKETS,
  PADDING_MULTIPLE,
  TAG_LENGTH,
  TRANSPORT_HEADER_LENGTH,
} from '../constants.ts';

export class StagedPackets {
  /** A ring: `#length` packets from `#head` on. */
  readonly #ring: (Uint8Array | undefined)[] = [];
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /**
   * Copies a packet in.
   *
   * @returns false if the oldest was dropped for it
   */
  push(buffer: Uint8Array, offset: number, length: number): boolean {
    const room = new Uint8Array(STAGED_OFFSET + length + PADDING_MULTIPLE - 1 + TAG_LENGTH);
    for (let i = 0; i < length; i++) room[STAGED_OFFSET + i] = buffer[offset + i];
    const fits = this.#length < MAX_STAGED_PACKETS;
    if (!fits) this.shift();
    this.#ring[(this.#head + this.#length) % MAX_STAGED_PACKETS] = room;
    this.#length++;
    return fits;
  }

  /** The oldest packet: it begins at `STAGED_OFFSET` and is `stagedLength` long. The caller's now. */
  shift(): Uint8Array | undefined {
    if (this.#length === 0) return undefined;
    const packet = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) % MAX_STAGED_PACKETS;
    this.#length--;
    return packet;
  }

  /** Drops all and tells how many they were. */
  clear(): number {
    const dropped = this.#length;
    this.#ring.length = 0;
    this.#head = 0;
    this.#length = 0;
    return dropped;
  }
}

/** Where a staged packet begins in its buffer. */
export const STAGED_OFFSET: number = TRANSPORT_HEADER_LENGTH;

/** The length of the packet in a buffer made by `StagedPackets`. */
export function stagedLength(room: Uint8Array): number {
  return room.length - STAGED_OFFSET - (PADDING_MULTIPLE - 1) - TAG_LENGTH;
}
