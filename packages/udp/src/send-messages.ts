/**
 * `SendMessages`: the queue of datagrams to send, and the mmsghdr array that describes them to the
 * kernel. Each mmsghdr is one message here: one datagram, or several datagrams to one destination
 * that the kernel splits (UDP GSO).
 *
 * @module
 */
import type { DatagramRun, Endpoint } from '@litz/core';
import { addressOf, allocate, type Region } from '@litz/sys';
import { endOfRun } from './check-run.ts';
import {
  SEND_CONTROL_LENGTH,
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
  SOCKADDR_SLOT_LENGTH,
  writePointer,
  type Family,
} from './linux-abi.ts';

/**
 * Runs of datagrams, and the messages that are built from them.
 *
 * ```
 * runs       buffer, offset, length, lastLength, stride, destination, tos     as queued, in order
 * region     mmsghdr[n + 1] | sockaddr[n + 1] | control[n + 1] | iovec[n + 1]
 *            message n is the spare one: a single datagram that is sent again
 * ```
 *
 * A run consists of datagrams of one length at equal distances; the last one may be shorter. Many
 * runs have only one datagram. Datagrams are numbered across all runs. Adjacent datagrams share an
 * iovec, so there are never more iovecs than datagrams. If a message has more than 8 iovecs
 * (UIO_FASTIOV), the kernel allocates an array to copy them.
 */
export class SendMessages {
  readonly #family: Family;
  readonly #capacity: number;
  readonly #region: Region;
  readonly #words: Uint32Array;
  readonly #names: number;
  readonly #controls: number;
  readonly #iovecs: number;
  #runs = 0;
  /** References that keep the memory alive while the kernel may read it. */
  readonly #buffers: (Uint8Array | undefined)[];
  /**
   * Offsets, not addresses. V8 allocates an object for a number over 31 bits when the number is
   * passed on, and this would happen for each datagram.
   */
  readonly #offsets: Int32Array;
  readonly #lengths: Int32Array;
  readonly #lastLengths: Int32Array;
  readonly #strides: Int32Array;
  readonly #destinations: Endpoint[];
  readonly #tos: Uint8Array;
  /**
   * The number of each run's first datagram; the entry after the last run has the number of the
   * next datagram.
   */
  readonly #firsts: Int32Array;
  /**
   * The number of the first datagram of each built message, and how many datagrams the message has.
   */
  readonly #starts: Int32Array;
  readonly #counts: Int32Array;

  /** @param capacity how many datagrams the queue holds */
  constructor(family: Family, capacity: number) {
    this.#family = family;
    this.#capacity = capacity;
    const slots = capacity + 1;
    this.#names = slots * MMSGHDR_LENGTH;
    this.#controls = this.#names + slots * SOCKADDR_SLOT_LENGTH;
    this.#iovecs = this.#controls + slots * SEND_CONTROL_LENGTH;
    this.#region = allocate(this.#iovecs + slots * IOVEC_LENGTH);
    const { bytes, address } = this.#region;
    this.#words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
    this.#buffers = Array.from({ length: capacity });
    this.#offsets = new Int32Array(capacity);
    this.#lengths = new Int32Array(capacity);
    this.#lastLengths = new Int32Array(capacity);
    this.#strides = new Int32Array(capacity);
    this.#destinations = [];
    this.#tos = new Uint8Array(capacity);
    this.#firsts = new Int32Array(slots);
    this.#starts = new Int32Array(capacity);
    this.#counts = new Int32Array(capacity);
    for (let i = 0; i < slots; i++) {
      const header = (i * MMSGHDR_LENGTH) >> 2;
      writePointer(this.#words, header, address + this.#names + i * SOCKADDR_SLOT_LENGTH);
      this.#words[header + 2] = family === 4 ? SOCKADDR_IN_LENGTH : SOCKADDR_IN6_LENGTH;
      writePointer(this.#words, header + 8, address + this.#controls + i * SEND_CONTROL_LENGTH);
    }
  }

  /** How many datagrams are queued. */
  get queued(): number {
    return this.#firsts[this.#runs]!;
  }

  /**
   * Queues a run that was checked and fits into the queue. The object is borrowed for the call. Its
   * buffer is referenced until `clear`.
   */
  push(run: DatagramRun): void {
    const index = this.#runs++;
    this.#buffers[index] = run.buffer;
    this.#offsets[index] = run.offset;
    this.#lengths[index] = run.length;
    this.#lastLengths[index] = run.lastLength;
    this.#strides[index] = run.stride;
    this.#destinations[index] = run.destination;
    this.#tos[index] = run.tos;
    this.#firsts[index + 1] = this.#firsts[index]! + run.count;
  }

  /** Empties the queue and drops the references to buffers. */
  clear(): void {
    this.#buffers.fill(undefined, 0, this.#runs);
    this.#runs = 0;
  }

  /**
   * Describes the datagrams from `first` on. Puts up to `maxSegments` datagrams into one message,
   * where that is possible. Returns the number of messages.
   */
  build(first: number, maxSegments: number): number {
    const { queued } = this;
    let message = 0;
    let iovec = 0;
    let run = this.#runOf(first);
    for (let i = first; i < queued;) {
      while (i >= this.#firsts[run + 1]!) run++;
      const count = maxSegments > 1 ? this.#countJoinable(i, run, maxSegments) : 1;
      this.#starts[message] = i;
      this.#counts[message] = count;
      iovec += this.#write(message, iovec, i, run, count, true);
      message++;
      i += count;
    }
    return message;
  }

  /** Describes one datagram in the spare message. Returns the address of its mmsghdr. */
  buildOne(index: number, withSource: boolean): number {
    this.#write(this.#capacity, this.#capacity, index, this.#runOf(index), 1, withSource);
    return this.address(this.#capacity);
  }

  /** Returns the address of a message's mmsghdr. */
  address(message: number): number {
    return this.#region.address + message * MMSGHDR_LENGTH;
  }

  /** Returns the number of the first datagram of a message. */
  start(message: number): number {
    return this.#starts[message]!;
  }

  /** Returns how many datagrams a message has. */
  count(message: number): number {
    return this.#counts[message]!;
  }

  /** Whether all queued datagrams are still within their buffers. */
  hasWholeBuffers(): boolean {
    for (let run = 0; run < this.#runs; run++) {
      const count = this.#firsts[run + 1]! - this.#firsts[run]!;
      const end = endOfRun(
        this.#offsets[run]!,
        this.#lengths[run]!,
        this.#lastLengths[run]!,
        this.#strides[run]!,
        count,
      );
      if (end > this.#buffers[run]!.length) return false;
    }
    return true;
  }

  destination(index: number): Endpoint {
    return this.#destinations[this.#runOf(index)]!;
  }

  #runOf(index: number): number {
    let run = 0;
    while (index >= this.#firsts[run + 1]! && run < this.#runs - 1) run++;
    return run;
  }

  /**
   * Returns how many datagrams from `first` (in `run`) on fit into one message. They must have the
   * same destination, traffic class and length; only the last one may be shorter.
   */
  #countJoinable(first: number, run: number, maxSegments: number): number {
    const length = this.#lengthOf(first, run);
    if (length === 0) return 1;
    const longest = MAX_PAYLOAD[this.#family];
    const most = Math.max(1, Math.min(maxSegments, Math.floor(longest / length)));
    let count = 0;
    let from = first;
    for (let i = run; i < this.#runs && (i === run || this.#isAlike(i, run)); i++) {
      const left = this.#firsts[i + 1]! - from;
      const whole = this.#countOfLength(i, left, length);
      if (count + whole > most) return most;
      count += whole;
      from = this.#firsts[i + 1]!;
      if (whole === left) continue;
      // The last datagram of a message may be shorter. It is the last datagram of this run if only
      // this one is left, or the first datagram of a run whose datagrams have another length.
      const next = left - whole === 1 ? this.#lastLengths[i]! : this.#lengths[i]!;
      const isEnd = next > 0 && next <= length && count * length + next <= longest;
      return isEnd && count < maxSegments ? count + 1 : count;
    }
    return count;
  }

  /**
   * Looks at the last `left` datagrams of a run. Returns how many of them come before the first one
   * that is not `length` bytes long.
   */
  #countOfLength(run: number, left: number, length: number): number {
    const isLast = this.#lastLengths[run] === length;
    if (left === 1) return isLast ? 1 : 0;
    if (this.#lengths[run] !== length) return 0;
    return isLast ? left : left - 1;
  }

  #isAlike(run: number, other: number): boolean {
    if (this.#tos[run] !== this.#tos[other]) return false;
    return this.#destinations[run]!.equals(this.#destinations[other]!);
  }

  /** Returns the length of datagram `index`, which is in `run`. */
  #lengthOf(index: number, run: number): number {
    return index === this.#firsts[run + 1]! - 1 ? this.#lastLengths[run]! : this.#lengths[run]!;
  }

  /** Fills one mmsghdr. Returns how many iovecs were used; adjacent datagrams share an iovec. */
  // oxlint-disable-next-line max-params -- called per message: an object would be garbage
  #write(
    message: number,
    iovec: number,
    first: number,
    run: number,
    count: number,
    withSource: boolean,
  ): number {
    const words = this.#words;
    const header = (message * MMSGHDR_LENGTH) >> 2;
    const destination = this.#destinations[run]!;
    this.#writeName(message, destination);
    const iovecs = this.#writeIovecs(iovec, first, run, count);
    writePointer(words, header + 4, this.#region.address + this.#iovecs + iovec * IOVEC_LENGTH);
    words[header + 6] = iovecs;
    const { view } = this.#region;
    const control = this.#controls + message * SEND_CONTROL_LENGTH;
    let end = control;
    if (withSource && hasSource(destination)) {
      const { sourceAddress, sourceInterface } = destination;
      end = writePacketInfo(view, end, this.#family, sourceAddress, sourceInterface);
    }
    const tos = this.#tos[run]!;
    if (tos !== 0) end = writeTrafficClass(view, end, this.#family, tos);
    if (count > 1) end = writeSegmentLength(view, end, this.#lengthOf(first, run));
    words[header + 10] = end - control;
    return iovecs;
  }

  #writeName(message: number, destination: Endpoint): void {
    const name = this.#names + message * SOCKADDR_SLOT_LENGTH;
    const { bytes, view } = this.#region;
    const four = this.#family === 4;
    view.setUint16(name, four ? AF_INET : AF_INET6, true);
    view.setUint16(name + 2, destination.port, false);
    const { address } = destination;
    const at = name + (four ? 4 : 8);
    // Reads 4 or 16 bytes, even if the caller has changed the address since the check.
    for (let i = 0; i < (four ? 4 : 16); i++) bytes[at + i] = address[i]!;
    if (!four) view.setUint32(name + 24, destination.scopeId, true);
  }

  #writeIovecs(iovec: number, first: number, run: number, count: number): number {
    const words = this.#words;
    const behind = first + count;
    let at = ((this.#iovecs + iovec * IOVEC_LENGTH) >> 2) - IOVEC_WORDS;
    const none = at;
    let buffer: Uint8Array | undefined;
    let address = 0;
    let size = 0;
    let end = -1;
    for (let i = first; i < behind; run++) {
      if (buffer !== this.#buffers[run]) {
        buffer = this.#buffers[run]!;
        size = buffer.length;
        // The length is 0 if the buffer was transferred.
        address = size === 0 ? 0 : addressOf(buffer);
        end = -1;
      }
      const next = Math.min(behind, this.#firsts[run + 1]!);
      const stride = this.#strides[run]!;
      let offset = this.#offsets[run]! + (i - this.#firsts[run]!) * stride;
      for (; i < next; i++) {
        const length = this.#lengthOf(i, run);
        // The caller's memory may have been transferred or resized since the check. For an address
        // of 0 the kernel returns EFAULT.
        const isThere = offset + length <= size;
        if (offset === end && isThere) {
          words[at + 2] = words[at + 2]! + length;
        } else {
          at += IOVEC_WORDS;
          writePointer(words, at, isThere ? address + offset : 0);
          words[at + 2] = length;
        }
        end = isThere ? offset + length : -1;
        offset += stride;
      }
    }
    return (at - none) / IOVEC_WORDS;
  }
}

/** Whether a datagram to `destination` must carry a source address or interface. */
export function hasSource(destination: Endpoint): boolean {
  const { sourceAddress, sourceInterface, address } = destination;
  // A source of the other family cannot be used.
  if (sourceAddress && sourceAddress.length !== address.length) return false;
  return sourceAddress !== undefined || sourceInterface !== 0;
}

const IOVEC_WORDS: number = IOVEC_LENGTH >> 2;
/**
 * The longest UDP payload in bytes: 65535 minus the UDP header, and for IPv4 minus the IP header.
 */
const MAX_PAYLOAD = { 4: 65507, 6: 65527 } as const;
