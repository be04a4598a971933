/**
 * The queue of datagrams to send, and the mmsghdr array that describes them to the kernel.
 *
 * @module
 */
import type { Endpoint } from '@litz/core';
import { addressOf, allocate, type Region } from '@litz/sys';
import { endOf } from './check-run.ts';
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
 * runs       buffer, offset, each, last, stride, destination, tos     as queued, in order
 * region     mmsghdr[n + 1] | sockaddr[n + 1] | control[n + 1] | iovec[n + 1]
 *            message n is the spare one: a single datagram that is sent again
 * ```
 * A run is datagrams at equal distances and of one length, but for the last, which may be shorter. Often
 * it is one. Datagrams are numbered through, whatever run they are in. Those that touch share an iovec;
 * there are never more iovecs than datagrams. For a message of more than 8 (UIO_FASTIOV) the kernel
 * allocates the array that it copies them to.
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
  /** Keeps the memory alive while the kernel may read it. */
  readonly #buffers: (Uint8Array | undefined)[];
  /** Not addresses: a number over 31 bits that is passed on is an object, one per datagram. */
  readonly #offsets: Int32Array;
  readonly #each: Int32Array;
  readonly #lasts: Int32Array;
  readonly #strides: Int32Array;
  readonly #destinations: Endpoint[];
  readonly #tos: Uint8Array;
  /** The number of each run's first datagram, and behind the last that of the next. */
  readonly #firsts: Int32Array;
  /** Of each built message: its first datagram, and how many it is. */
  readonly #starts: Int32Array;
  readonly #counts: Int32Array;

  /** @param capacity datagrams */
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
    this.#each = new Int32Array(capacity);
    this.#lasts = new Int32Array(capacity);
    this.#strides = new Int32Array(capacity);
    this.#destinations = [];
    this.#tos = new Uint8Array(capacity);
    this.#firsts = new Int32Array(slots);
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
    return this.#firsts[this.#runs]!;
  }

  /**
   * A run, which was checked, for whose datagrams there is room. `buffer` is kept by reference until
   * `clear`.
   */
  push(
    buffer: Uint8Array,
    offset: number,
    each: number,
    last: number,
    stride: number,
    count: number,
    destination: Endpoint,
    tos: number,
  ): void {
    const run = this.#runs++;
    this.#buffers[run] = buffer;
    this.#offsets[run] = offset;
    this.#each[run] = each;
    this.#lasts[run] = last;
    this.#strides[run] = stride;
    this.#destinations[run] = destination;
    this.#tos[run] = tos;
    this.#firsts[run + 1] = this.#firsts[run]! + count;
  }

  /** Forgets the queue and lets go of its memory. */
  clear(): void {
    this.#buffers.fill(undefined, 0, this.#runs);
    this.#runs = 0;
  }

  /**
   * Describes the datagrams from `first` on, up to `maxSegments` of them per message where one
   * message can stand for them. Returns the number of messages.
   */
  build(first: number, maxSegments: number): number {
    const { queued } = this;
    let message = 0;
    let iovec = 0;
    let run = this.#runOf(first);
    for (let i = first; i < queued;) {
      while (i >= this.#firsts[run + 1]!) run++;
      const count = maxSegments > 1 ? this.#joinable(i, run, maxSegments) : 1;
      this.#starts[message] = i;
      this.#counts[message] = count;
      iovec += this.#write(message, iovec, i, run, count, true);
      message++;
      i += count;
    }
    return message;
  }

  /** Describes one datagram in the spare message and returns its address. */
  buildOne(index: number, withSource: boolean): number {
    this.#write(this.#capacity, this.#capacity, index, this.#runOf(index), 1, withSource);
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

  /** Whether all memory is as long as it was when it was described. */
  areThere(): boolean {
    for (let run = 0; run < this.#runs; run++) {
      const count = this.#firsts[run + 1]! - this.#firsts[run]!;
      const end = endOf(
        this.#offsets[run]!,
        this.#each[run]!,
        this.#lasts[run]!,
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
   * How many datagrams from `first` (in `run`) on have one destination, traffic class and length; the
   * last may be shorter.
   */
  #joinable(first: number, run: number, maxSegments: number): number {
    const each = this.#lengthOf(first, run);
    if (each === 0) return 1;
    const longest = MAX_PAYLOAD[this.#family];
    const most = Math.max(1, Math.min(maxSegments, Math.floor(longest / each)));
    let count = 0;
    let from = first;
    for (let i = run; i < this.#runs && (i === run || this.#isAlike(i, run)); i++) {
      const left = this.#firsts[i + 1]! - from;
      const whole = this.#wholeOf(i, left, each);
      if (count + whole > most) return most;
      count += whole;
      from = this.#firsts[i + 1]!;
      if (whole === left) continue;
      // What is left of a run of this length is its shorter end; of another one, its first may be it.
      const next = left - whole === 1 ? this.#lasts[i]! : this.#each[i]!;
      const isEnd = next > 0 && next <= each && count * each + next <= longest;
      return isEnd && count < maxSegments ? count + 1 : count;
    }
    return count;
  }

  /** Of the last `left` datagrams of a run: how many, from the first of them on, are `each` bytes long. */
  #wholeOf(run: number, left: number, each: number): number {
    const isLast = this.#lasts[run] === each;
    if (left === 1) return isLast ? 1 : 0;
    if (this.#each[run] !== each) return 0;
    return isLast ? left : left - 1;
  }

  #isAlike(run: number, other: number): boolean {
    if (this.#tos[run] !== this.#tos[other]) return false;
    return this.#destinations[run]!.equals(this.#destinations[other]!);
  }

  /** Of datagram `index`, which is in `run`. */
  #lengthOf(index: number, run: number): number {
    return index === this.#firsts[run + 1]! - 1 ? this.#lasts[run]! : this.#each[run]!;
  }

  /** Fills one mmsghdr. Returns how many iovecs it took: datagrams that touch share one. */
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
    const control = this.#controls + message * SEND_CONTROL_ROOM;
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
    const name = this.#names + message * SOCKADDR_ROOM;
    const { bytes, view } = this.#region;
    const four = this.#family === 4;
    view.setUint16(name, four ? AF_INET : AF_INET6, true);
    view.setUint16(name + 2, destination.port, false);
    const { address } = destination;
    const at = name + (four ? 4 : 8);
    // So many, whatever the address is by now.
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
        // What was transferred has none.
        address = size === 0 ? 0 : addressOf(buffer);
        end = -1;
      }
      const next = Math.min(behind, this.#firsts[run + 1]!);
      const stride = this.#strides[run]!;
      let offset = this.#offsets[run]! + (i - this.#firsts[run]!) * stride;
      for (; i < next; i++) {
        const length = this.#lengthOf(i, run);
        // Borrowed memory may have been transferred or cut since: of an address of 0 the kernel says
        // EFAULT.
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

/** Whether a datagram to `destination` says where it leaves from. */
export function hasSource(destination: Endpoint): boolean {
  const { sourceAddress, sourceInterface, address } = destination;
  // A source of the other family cannot be said.
  if (sourceAddress && sourceAddress.length !== address.length) return false;
  return sourceAddress !== undefined || sourceInterface !== 0;
}

const IOVEC_WORDS: number = IOVEC_LENGTH >> 2;
