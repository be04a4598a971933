/**
 * `ReceiveBatch`: receives datagrams in batches with recvmmsg, from one socket after the other. The
 * kernel writes each message into a slot; the slots are prepared once.
 *
 * Here a message is what one mmsghdr of recvmmsg describes: one datagram, or several datagrams of
 * one source that the kernel has coalesced (UDP GRO).
 *
 * @module
 */
import type { Endpoint } from '@litz/core';
import {
  addressOf,
  allocate,
  checkBytes,
  checkInteger,
  libc,
  SystemError,
  type Region,
} from '@litz/sys';
import type { FloodFilter } from './flood-filter.ts';
import { parseControl, RECEIVE_CONTROL_LENGTH, ReceivedControl } from './control-message.ts';
import type { UdpCounters } from './counters.ts';
import type { EndpointCache } from './endpoint-cache.ts';
import {
  AF_INET,
  AF_INET6,
  EAGAIN,
  ECONNREFUSED,
  EHOSTDOWN,
  EHOSTUNREACH,
  EINTR,
  ENETDOWN,
  ENETUNREACH,
  ENOBUFS,
  IOVEC_LENGTH,
  MMSGHDR_LENGTH,
  MSG_CTRUNC,
  MSG_TRUNC,
  SOCKADDR_IN6_LENGTH,
  SOCKADDR_SLOT_LENGTH,
  writePointer,
  type Family,
} from './linux-abi.ts';

/**
 * Called once per datagram: `length` bytes of `buffer` at `offset`, from `source`. `buffer` may be
 * written to (a packet is decrypted in place) and is valid until the next receive. `ecn`: the two
 * ECN bits of the outer header, 0 to 3.
 */
export type DatagramSink = (
  buffer: Uint8Array,
  offset: number,
  length: number,
  source: Endpoint,
  ecn: number,
) => void;

/** A socket to receive from. */
export interface ReceiveSource {
  readonly family: Family;
  readonly fd: number;
  readonly endpoints: EndpointCache;
  /** The socket's SO_RXQ_OVFL counter when it was last read. */
  lastOverflow: number;
  /** Counts the received handshake messages, if present. */
  readonly floodFilter?: FloodFilter;
  /** Average length of the messages of the last batch, rounded up; 0: none came yet. */
  messageLength: number;
}

/**
 * Slots for received messages.
 *
 * ```
 * memory   slot 0 (65536) | slot 1 | ...          the datagrams; the caller provides this memory
 * region   mmsghdr[n] | iovec[n] | sockaddr[n] | control[n]      n: the number of slots
 * ```
 */
export class ReceiveBatch {
  readonly #slots: number;
  readonly #buffer: Uint8Array;
  readonly #bufferOffset: number;
  readonly #region: Region;
  readonly #words: Uint32Array;
  readonly #names: number;
  readonly #controls: number;
  readonly #counters: UdpCounters;
  readonly #control = new ReceivedControl();
  #halves: readonly [ReceiveBatch, ReceiveBatch] | undefined = undefined;
  /** How many slots the kernel has written since the last reset. */
  #used = 0;

  /**
   * @param buffer kept as long as this object is used: the kernel writes into `slots` * 65536 bytes
   *   from `offset` on
   */
  constructor(slots: number, buffer: Uint8Array, offset: number, counters: UdpCounters) {
    checkBytes('memory.buffer', buffer);
    checkInteger('memory.offset', offset, 0, buffer.length);
    const needed = slots * SLOT_LENGTH;
    const available = buffer.length - offset;
    if (available < needed) {
      throw new RangeError(`"memory" expected ${needed} bytes from "offset" on, got ${available}`);
    }
    this.#slots = slots;
    this.#buffer = buffer;
    this.#bufferOffset = offset;
    this.#counters = counters;
    const iovecs = slots * MMSGHDR_LENGTH;
    this.#names = iovecs + slots * IOVEC_LENGTH;
    this.#controls = this.#names + slots * SOCKADDR_SLOT_LENGTH;
    this.#region = allocate(this.#controls + slots * RECEIVE_CONTROL_LENGTH);
    const { bytes, address } = this.#region;
    this.#words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
    const base = addressOf(buffer) + offset;
    for (let slot = 0; slot < slots; slot++) {
      const header = (slot * MMSGHDR_LENGTH) >> 2;
      const iovec = (iovecs + slot * IOVEC_LENGTH) >> 2;
      writePointer(this.#words, header, address + this.#names + slot * SOCKADDR_SLOT_LENGTH);
      writePointer(this.#words, header + 4, address + (iovec << 2));
      this.#words[header + 6] = 1;
      writePointer(this.#words, header + 8, address + this.#controlOf(slot));
      writePointer(this.#words, iovec, base + slot * SLOT_LENGTH);
      this.#words[iovec + 2] = SLOT_LENGTH;
    }
    this.#used = slots;
  }

  /** Two batches, each with half of the slots. They use the memory of this batch. */
  get halves(): readonly [ReceiveBatch, ReceiveBatch] {
    const slots = this.#slots >> 1;
    const half = (offset: number): ReceiveBatch =>
      new ReceiveBatch(slots, this.#buffer, this.#bufferOffset + offset, this.#counters);
    return (this.#halves ??= [half(0), half(slots * SLOT_LENGTH)]);
  }

  /** Makes all slots free. The datagrams in the slots become invalid. */
  reset(): void {
    for (let slot = 0; slot < this.#used; slot++) {
      const header = (slot * MMSGHDR_LENGTH) >> 2;
      this.#words[header + 2] = SOCKADDR_IN6_LENGTH;
      this.#words[header + 10] = RECEIVE_CONTROL_LENGTH;
    }
    this.#used = 0;
  }

  /**
   * Receives into the free slots and passes each datagram to `sink`. If messages are long because
   * the kernel coalesces, fewer are received at once.
   *
   * @returns the number of datagrams taken from the socket, where a dropped message counts as one;
   *   0: no datagram was there, or no slot is free
   * @throws {SystemError} the socket itself cannot be used
   * @throws {TypeError} the buffer was transferred or resized
   */
  receive(socket: ReceiveSource, sink: DatagramSink): number {
    const { length } = this.#buffer;
    if (length < this.#bufferOffset + this.#slots * SLOT_LENGTH) {
      throw new TypeError(`"memory.buffer" was transferred or cut: it has ${length} bytes now`);
    }
    const first = this.#used;
    if (first === this.#slots) return 0;
    const count = this.#call(socket, first);
    this.#used = first + count;
    this.#counters.receivedMessages += count;
    let datagrams = 0;
    let bytes = 0;
    for (let slot = first; slot < first + count; slot++) {
      datagrams += this.#deliver(socket, slot, sink);
      bytes += this.#lengthOf(slot);
    }
    if (count > 0) socket.messageLength = Math.ceil(bytes / count);
    return datagrams;
  }

  #call({ fd, messageLength }: ReceiveSource, first: number): number {
    const fitting = Math.floor(BATCH_BYTES / Math.max(messageLength, 1));
    const wanted = Math.min(this.#slots - first, fitting);
    const messages = this.#region.address + first * MMSGHDR_LENGTH;
    // ICMP errors may come before the datagrams. After a few errors in a row, the datagrams wait
    // for the next call.
    for (let attempt = 0; attempt < 8; attempt++) {
      const count = libc().recvmmsg(fd, messages, wanted, 0, 0);
      if (count >= 0) return count;
      const errno = libc().errno();
      if (errno === EAGAIN) return 0;
      if (errno === EINTR) continue;
      this.#counters.receiveErrors++;
      if (!TRANSIENT_ERRORS.has(errno)) throw new SystemError('recvmmsg', errno);
    }
    return 0;
  }

  /** Processes one message. Returns how many datagrams the message has. */
  #deliver(socket: ReceiveSource, slot: number, sink: DatagramSink): number {
    const header = (slot * MMSGHDR_LENGTH) >> 2;
    const words = this.#words;
    const flags = words[header + 12]!;
    const length = this.#lengthOf(slot);
    const control = this.#control;
    const parsed = parseControl(
      this.#region.view,
      this.#controlOf(slot),
      Math.min(words[header + 10]!, RECEIVE_CONTROL_LENGTH),
      socket.family,
      control,
    );
    if (control.overflow >= 0) this.#countOverflow(socket, control.overflow);
    if (flags & MSG_TRUNC || length > SLOT_LENGTH) return this.#drop('receiveDroppedTruncated');
    if (flags & MSG_CTRUNC || !parsed) return this.#drop('receiveDroppedControl');
    const name = (this.#names + slot * SOCKADDR_SLOT_LENGTH) >> 2;
    const expected = socket.family === 4 ? AF_INET : AF_INET6;
    const sourceWord = control.sourceOffset < 0 ? -1 : control.sourceOffset >> 2;
    const source =
      (words[name]! & 0xffff) === expected
        ? socket.endpoints.lookup(words, name, sourceWord, control.sourceInterface)
        : undefined;
    if (!source) return this.#drop('receiveDroppedSource');
    const offset = this.#bufferOffset + slot * SLOT_LENGTH;
    if (socket.floodFilter) this.#note(socket, socket.floodFilter, name, offset, length);
    return this.#split(offset, length, source, sink);
  }

  #note(
    { family }: ReceiveSource,
    filter: FloodFilter,
    name: number,
    at: number,
    length: number,
  ): void {
    const words = this.#words;
    const high = networkOrder(words[family === 4 ? name + 1 : name + 2]!);
    const low = family === 4 ? 0 : networkOrder(words[name + 3]!);
    const { segmentLength } = this.#control;
    const isCoalesced = segmentLength > 0 && segmentLength < length;
    const each = isCoalesced ? segmentLength : length;
    const count = isCoalesced ? Math.ceil(length / segmentLength) : 1;
    filter.note(this.#buffer, at, each, count, high, low);
  }

  /**
   * Passes a message to the sink datagram by datagram. All datagrams except the last one have the
   * segment length.
   */
  #split(offset: number, length: number, source: Endpoint, sink: DatagramSink): number {
    const ecn = this.#control.trafficClass & 3;
    let segment = this.#control.segmentLength;
    if (segment < 0 || length === 0) segment = Math.max(length, 1);
    if (segment === 0 || segment > 0xffff) return this.#drop('receiveDroppedSegmentSize');
    let datagrams = 0;
    let position = 0;
    do {
      sink(this.#buffer, offset + position, Math.min(segment, length - position), source, ecn);
      position += segment;
      datagrams++;
    } while (position < length);
    this.#counters.receivedDatagrams += datagrams;
    return datagrams;
  }

  /**
   * Counts one message that is not passed to the sink. Returns 1, as for a message of one datagram.
   */
  #drop(
    counter:
      | 'receiveDroppedTruncated'
      | 'receiveDroppedControl'
      | 'receiveDroppedSource'
      | 'receiveDroppedSegmentSize',
  ): number {
    this.#counters[counter]++;
    return 1;
  }

  #countOverflow(socket: ReceiveSource, overflow: number): void {
    // The kernel's counter is 32 bits wide and wraps.
    this.#counters.receiveDroppedOverflow += (overflow - socket.lastOverflow) >>> 0;
    socket.lastOverflow = overflow;
  }

  /** Returns the length of a message, as the kernel reports it. */
  #lengthOf(slot: number): number {
    return this.#words[((slot * MMSGHDR_LENGTH) >> 2) + 14]!;
  }

  #controlOf(slot: number): number {
    return this.#controls + slot * RECEIVE_CONTROL_LENGTH;
  }
}

/** Converts a word of an address to network order. */
function networkOrder(word: number): number {
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}

/**
 * Bytes of a slot. More than any UDP datagram, and more than any message that the kernel coalesces.
 */
export const SLOT_LENGTH = 65536;
/**
 * About this many bytes are received at once: three of the longest messages, or more short ones.
 * While they are decrypted, traffic in the other direction waits, for instance acknowledgements and
 * pings.
 */
const BATCH_BYTES: number = 3 * SLOT_LENGTH;
/**
 * ENOMEM, and errors that an earlier datagram of ours may have caused. The next call may succeed.
 */
const TRANSIENT_ERRORS: ReadonlySet<number> = new Set([
  12,
  ENETDOWN,
  ENETUNREACH,
  ENOBUFS,
  ECONNREFUSED,
  EHOSTDOWN,
  EHOSTUNREACH,
]);
