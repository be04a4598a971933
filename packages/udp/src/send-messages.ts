/**
 * The queue of datagrams to send, and the mmsghdr array that describes them to the kernel.
 *
 * @module
 */
import type { Endpoint } from '@litz/core';
import { addressOf, allocate, type Region } from '@litz/sys';
import {
  SEND_CONTROL_ROOM,
  writePacketInfo,
  writeSegmentLength,
  writeTrafficClass,
} from './control-message.ts';
import {
  AF_INET,
  AF_INET6,
  IOVEC_LENGTH,
  MMSGHDR_LENGTH,
  SOCKADDR_IN6_LENGTH,
  SOCKADDR_IN_LENGTH,
  SOCKADDR_ROOM,
  writePointer,
  type Family,
} from './linux-abi.ts';

/** The longest UDP payload: 65535 less the UDP header, and for IPv4 less the IP header. */
const MAX_PAYLOAD = { 4: 65507, 6: 65527 } as const;

/**
 * ```
 * datagrams  buffer, offset, length, destination, tos        as queued, in order
 * region     mmsghdr[n + 1] | sockaddr[n + 1] | control[n + 1] | iovec[n + 1]
 *            message n is the spare one: a single datagram that is sent again
 * ```
 */
export class SendMessages {
  readonly #family: Family;
  readonly #capacity: number;
  readonly #region: Region;
  readonly #words: Uint32Array;
  readonly #names: number;
  readonly #controls: number;
  readonly #iovecs: number;
  /** Keeps the memory alive while the kernel may read it. */
  readonly #buffers: (Uint8Array | undefined)[];
  /** Not addresses: a number over 31 bits that is passed on is an object, one per datagram. */
  readonly #offsets: Int32Array;
  readonly #lengths: Int32Array;
  readonly #destinations: Endpoint[];
  readonly #tos: Uint8Array;
  /** Of each built message: its first datagram, and how many it is. */
  readonly #starts: Int32Array;
  readonly #counts: Int32Array;
  #queued = 0;

  constructor(family: Family, capacity: number) {
    this.#family = family;
    this.#capacity = capacity;
    const slots = capacity + 1;
    this.#names = slots * MMSGHDR_LENGTH;
    this.#controls = this.#names + slots * SOCKADDR_ROOM;
    this.#iovecs = this.#controls + slots * SEND_CONTROL_ROOM;
    this.#region = allocate(this.#iovecs + slots * IOVEC_LENGTH);
    const { bytes, address } = this.#region;
    this.#words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
    this.#buffers = Array.from({ length: capacity });
    this.#offsets = new Int32Array(capacity);
    this.#lengths = new Int32Array(capacity);
    this.#destinations = [];
    this.#tos = new Uint8Array(capacity);
    this.#starts = new Int32Array(capacity);
    this.#counts = new Int32Array(capacity);
    for (let i = 0; i < slots; i++) {
      const header = (i * MMSGHDR_LENGTH) >> 2;
      writePointer(this.#words, header, address + this.#names + i * SOCKADDR_ROOM);
      this.#words[header + 2] = family === 4 ? SOCKADDR_IN_LENGTH : SOCKADDR_IN6_LENGTH;
      writePointer(this.#words, header + 8, address + this.#controls + i * SEND_CONTROL_ROOM);
    }
  }

  /** Datagrams in the queue. */
  get queued(): number {
    return this.#queued;
  }

  /** `buffer` is kept by reference until `clear`. */
  push(
    buffer: Uint8Array,
    offset: number,
    length: number,
    destination: Endpoint,
    tos: number,
  ): void {
    const index = this.#queued++;
    this.#buffers[index] = buffer;
    this.#offsets[index] = offset;
    this.#lengths[index] = length;
    this.#destinations[index] = destination;
    this.#tos[index] = tos;
  }

  /** Forgets the queue and lets go of its memory. */
  clear(): void {
    this.#buffers.fill(undefined, 0, this.#queued);
    this.#queued = 0;
  }

  /**
   * Describes the datagrams from `first` on, up to `maxSegments` of them per message where one
   * message can stand for them. Returns the number of messages.
   */
  build(first: number, maxSegments: number): number {
    let message = 0;
    let iovec = 0;
    for (let i = first; i < this.#queued;) {
      const count = maxSegments > 1 ? this.#runLength(i, maxSegments) : 1;
      this.#starts[message] = i;
      this.#counts[message] = count;
      iovec += this.#write(message, iovec, i, count, true);
      message++;
      i += count;
    }
    return message;
  }

  /** Describes one datagram in the spare message and returns its address. */
  buildOne(index: number, withSource: boolean): number {
    this.#write(this.#capacity, this.#capacity, index, 1, withSource);
    return this.address(this.#capacity);
  }

  /** The address of a message's mmsghdr. */
  address(message: number): number {
    return this.#region.address + message * MMSGHDR_LENGTH;
  }

  /** The first datagram of a message. */
  start(message: number): number {
    return this.#starts[message]!;
  }

  /** How many datagrams a message stands for. */
  count(message: number): number {
    return this.#counts[message]!;
  }

  destination(index: number): Endpoint {
    return this.#destinations[index]!;
  }

  /** How many datagrams from `first` on have one destination and length; the last may be shorter. */
  #runLength(first: number, maxSegments: number): number {
    const destination = this.#destinations[first]!;
    const segment = this.#lengths[first]!;
    let total = segment;
    let i = first + 1;
    if (segment === 0) return 1;
    for (; i < this.#queued && i - first < maxSegments; i++) {
      const length = this.#lengths[i]!;
      total += length;
      if (length > segment || length === 0 || total > MAX_PAYLOAD[this.#family]) break;
      if (this.#tos[i] !== this.#tos[first]) break;
      if (!this.#destinations[i]!.equals(destination)) break;
      if (length < segment) return i + 1 - first;
    }
    return i - first;
  }

  /** Fills one mmsghdr. Returns how many iovecs it took: datagrams that touch share one. */
  #write(
    message: number,
    iovec: number,
    first: number,
    count: number,
    withSource: boolean,
  ): number {
    const words = this.#words;
    const header = (message * MMSGHDR_LENGTH) >> 2;
    const destination = this.#destinations[first]!;
    this.#writeName(message, destination);
    const iovecs = this.#writeIovecs(iovec, first, count);
    writePointer(words, header + 4, this.#region.address + this.#iovecs + iovec * IOVEC_LENGTH);
    words[header + 6] = iovecs;
    const { view } = this.#region;
    const control = this.#controls + message * SEND_CONTROL_ROOM;
    let end = control;
    if (withSource && hasSource(destination)) {
      const { sourceAddress, sourceInterface } = destination;
      end = writePacketInfo(view, end, this.#family, sourceAddress, sourceInterface);
    }
    const tos = this.#tos[first]!;
    if (tos !== 0) end = writeTrafficClass(view, end, this.#family, tos);
    if (count > 1) end = writeSegmentLength(view, end, this.#lengths[first]!);
    words[header + 10] = end - control;
    return iovecs;
  }

  #writeName(message: number, destination: Endpoint): void {
    const name = this.#names + message * SOCKADDR_ROOM;
    const { bytes, view } = this.#region;
    const four = this.#family === 4;
    view.setUint16(name, four ? AF_INET : AF_INET6, true);
    view.setUint16(name + 2, destination.port, false);
    bytes.set(destination.address, name + (four ? 4 : 8));
    if (!four) view.setUint32(name + 24, destination.scopeId, true);
  }

  #writeIovecs(iovec: number, first: number, count: number): number {
    const words = this.#words;
    let used = 0;
    let buffer: Uint8Array | undefined;
    let end = -1;
    for (let i = first; i < first + count; i++) {
      const offset = this.#offsets[i]!;
      const length = this.#lengths[i]!;
      if (offset === end && this.#buffers[i] === buffer) {
        const last = (this.#iovecs + (iovec + used - 1) * IOVEC_LENGTH) >> 2;
        words[last + 2] = words[last + 2]! + length;
      } else {
        const next = (this.#iovecs + (iovec + used) * IOVEC_LENGTH) >> 2;
        buffer = this.#buffers[i]!;
        writePointer(words, next, addressOf(buffer) + offset);
        words[next + 2] = length;
        used++;
      }
      end = offset + length;
    }
    return used;
  }
}

/** Whether a datagram to `destination` says where it leaves from. */
export function hasSource(destination: Endpoint): boolean {
  const { sourceAddress, sourceInterface, address } = destination;
  // A source of the other family cannot be said.
  if (sourceAddress && sourceAddress.length !== address.length) return false;
  return sourceAddress !== undefined || sourceInterface !== 0;
}
