/**
 * `SendQueue`: sends datagrams of one socket in batches, with sendmmsg. Here a message is what one
 * mmsghdr of sendmmsg describes: one datagram, or several datagrams that the kernel splits (UDP
 * GSO).
 *
 * @module
 */
import type { DatagramRun, Endpoint } from '@litz/core';
import { allocate, boottimeMs, libc, type Region } from '@litz/sys';
import type { UdpCounters } from './counters.ts';
import { EAGAIN, EINTR, EIO, EMSGSIZE, ENOBUFS, POLLOUT, type Family } from './linux-abi.ts';
import { RunCopy } from './run-copy.ts';
import { isCausedBySource, isTransient } from './send-errors.ts';
import { hasSource, SendMessages } from './send-messages.ts';

/**
 * Callbacks for datagrams that are not sent as requested. Each of them may be called during `send`.
 */
export interface SendCallbacks {
  /** A datagram is lost. `errno` is the number of the system error. */
  onSendError?: (errno: number, destination: Endpoint) => void;
  /**
   * The sticky source cannot be used. The datagram is sent from an address that the kernel chooses.
   */
  onSourceLost?: (destination: Endpoint) => void;
  /**
   * An offload that was requested is not possible, or no longer possible. May be called once per
   * family.
   */
  onOffloadLost?: (name: 'udpGso' | 'udpGro', reason: string) => void;
}

/**
 * A queue for one socket. A datagram that fails does not make others fail.
 *
 * When the send buffer is full (EAGAIN), the queue waits until the buffer has space. This slows
 * down the TUN, as a full link should. All flushes together wait at most 20 ms. After that, the
 * queue does not wait again until 20 ms have passed and the buffer has accepted something. Until
 * then, datagrams that the kernel does not accept are dropped at once, as the kernel's WireGuard
 * does. So a dead link does not stop the loop.
 */
export class SendQueue {
  readonly family: Family;
  #fd: number;
  readonly #counters: UdpCounters;
  readonly #callbacks: SendCallbacks;
  readonly #messages: SendMessages;
  readonly #poll: Region = allocate(8);
  #segmenting: boolean;
  #waitsLeft: number = WAITS;
  /** When the last wait ended, in ms of the clock. */
  #waitedAt: number = -Infinity;
  /** Whether the send buffer accepted something since the last wait. */
  #hasSent = false;
  /** Whether a flush is in progress. A flush calls callbacks, and a callback may send. */
  #isFlushing = false;
  /** The run that is passed to `SendMessages`, reused for each call. */
  readonly #part = new RunCopy();

  constructor(
    family: Family,
    fd: number,
    options: { segmenting: boolean; counters: UdpCounters; callbacks: SendCallbacks },
  ) {
    this.family = family;
    this.#fd = fd;
    this.#segmenting = options.segmenting;
    this.#counters = options.counters;
    this.#callbacks = options.callbacks;
    this.#messages = new SendMessages(family, SEND_QUEUE_CAPACITY);
    this.#poll.view.setInt32(0, fd, true);
    this.#poll.view.setInt16(4, POLLOUT, true);
  }

  /** Whether datagrams of one length to one destination are sent as one message (UDP GSO). */
  get segmenting(): boolean {
    return this.#segmenting;
  }

  /**
   * Queues one datagram. The buffer is referenced until the next flush, and the bytes must not
   * change before. A full queue flushes itself before it takes another datagram.
   */
  push(
    buffer: Uint8Array,
    offset: number,
    length: number,
    destination: Endpoint,
    tos: number,
  ): void {
    this.pushRun(this.#part.single(buffer, offset, length, destination, tos));
    this.#part.clear();
  }

  /**
   * Queues several datagrams at equal distances. In all other respects it does what `push` does.
   * The datagrams must have passed `checkRun`.
   */
  pushRun(run: DatagramRun): void {
    if (this.#messages.queued + run.count <= SEND_QUEUE_CAPACITY) {
      // The usual case. Nothing is flushed, so no other code can change `run` before its fields are
      // read.
      this.#messages.push(run);
      return;
    }
    // A flush calls callbacks. A callback may queue datagrams, and so overwrite `run`. So all
    // fields of `run` are read here.
    const { buffer, offset, length, lastLength, stride, count, destination, tos } = run;
    for (let done = 0; done < count;) {
      const part = Math.min(count - done, SEND_QUEUE_CAPACITY);
      if (this.#messages.queued + part > SEND_QUEUE_CAPACITY) {
        // During a flush the queue cannot be emptied.
        if (this.#isFlushing) return this.#dropUnqueued(count - done);
        this.flush();
      }
      const own = this.#part.single(buffer, offset + done * stride, length, destination, tos);
      done += part;
      own.lastLength = done === count ? lastLength : length;
      own.stride = stride;
      own.count = part;
      this.#messages.push(own);
    }
    this.#part.clear();
  }

  /**
   * Passes the queue to the kernel. After that, no byte of it is referenced. Datagrams that a
   * callback queues are sent in the same flush.
   */
  flush(): void {
    const messages = this.#messages;
    if (messages.queued === 0 || this.#isFlushing) return;
    this.#isFlushing = true;
    try {
      let next = 0;
      while (next < messages.queued) next = this.#sendFrom(next);
    } finally {
      this.#isFlushing = false;
      messages.clear();
    }
  }

  /**
   * Must be called before the descriptor is closed. Datagrams that are still queued fail with
   * EBADF.
   */
  close(): void {
    this.#fd = -1;
  }

  /**
   * Sends from datagram `first` on, until the end or a failure. Returns the number of the next
   * datagram to send.
   */
  #sendFrom(first: number): number {
    const messages = this.#messages;
    const { queued } = messages;
    const built = messages.build(first, this.#segmenting ? MAX_SEGMENTS : 1);
    let done = 0;
    while (done < built) {
      const sent = libc().sendmmsg(this.#fd, messages.address(done), built - done, 0);
      if (sent > 0) {
        for (let i = done; i < done + sent; i++) this.#countSent(messages.count(i));
        done += sent;
        continue;
      }
      // The error belongs to the first message: the kernel reports later errors on the next call.
      const errno = libc().errno();
      const count = messages.count(done);
      if (errno === EINTR) continue;
      if (errno === EAGAIN) {
        // The datagrams are not tried one by one: a full buffer does not accept a shorter message
        // either.
        if (this.#waitUntilWritable()) continue;
        this.#drop(messages.start(done), messages.count(done));
        done++;
        if (!messages.hasWholeBuffers()) return done < built ? messages.start(done) : queued;
        continue;
      }
      if (errno === EIO && count > 1) {
        // The egress device does not compute checksums, which segmentation needs.
        this.#segmenting = false;
        this.#counters.sentOneByOne++;
        this.#callbacks.onOffloadLost?.('udpGso', 'the link computes no checksums (EIO)');
        return messages.start(done);
      }
      this.#sendAlone(messages.start(done), count, errno);
      done++;
      // A callback may have transferred a buffer to another thread. The messages that are built
      // already must not refer to a buffer that was transferred.
      if (!messages.hasWholeBuffers()) return done < built ? messages.start(done) : queued;
    }
    return queued;
  }

  /** Drops the datagrams of a message that the send buffer does not accept. */
  #drop(start: number, count: number): void {
    for (let i = start; i < start + count; i++) {
      this.#countDropped(EAGAIN);
      this.#callbacks.onSendError?.(EAGAIN, this.#messages.destination(i));
    }
  }

  /** Drops `count` datagrams that do not fit into the queue. */
  #dropUnqueued(count: number): void {
    // The datagrams are only counted. `onSendError` is not called, because a callback that sends
    // would be called again without end.
    for (let i = 0; i < count; i++) this.#countDropped(ENOBUFS);
  }

  /** Sends the datagrams of a failed message one by one. */
  #sendAlone(start: number, count: number, errno: number): void {
    // A message with UDP_SEGMENT fails if its datagrams are longer than the path MTU (EMSGSIZE;
    // EINVAL on older kernels). A datagram that is sent alone is fragmented and arrives.
    if (count > 1) this.#counters.sentOneByOne++;
    let withSource = true;
    for (let i = start; i < start + count; i++) {
      withSource = this.#sendOne(i, count > 1 ? 0 : errno, withSource);
    }
  }

  /**
   * Sends one datagram. If its source causes the error, the datagram is sent without its source.
   *
   * @param errno the error of an earlier try of this datagram; 0: it was not tried alone
   * @returns whether the source can be used for the next datagram
   */
  #sendOne(index: number, errno: number, withSource: boolean): boolean {
    const messages = this.#messages;
    const destination = messages.destination(index);
    for (let attempt = 0; attempt < 4; attempt++) {
      if (errno !== 0) {
        if (withSource && isCausedBySource(errno) && hasSource(destination)) withSource = false;
        else if (errno === EAGAIN ? !this.#waitUntilWritable() : !isTransient(errno)) break;
      }
      const message = messages.buildOne(index, withSource);
      if (libc().sendmmsg(this.#fd, message, 1, 0) === 1) {
        this.#countSent(1);
        if (!withSource && hasSource(destination)) this.#reportSourceLost(destination);
        return withSource;
      }
      errno = libc().errno();
    }
    this.#countDropped(errno);
    this.#callbacks.onSendError?.(errno, destination);
    // The datagram also failed without its source, or for another reason. So nothing is known about
    // the source.
    return true;
  }

  #reportSourceLost(destination: Endpoint): void {
    this.#counters.sentWithoutSource++;
    this.#callbacks.onSourceLost?.(destination);
  }

  #countSent(datagrams: number): void {
    this.#hasSent = true;
    this.#counters.sentMessages++;
    this.#counters.sentDatagrams += datagrams;
  }

  #countDropped(errno: number): void {
    if (errno === EMSGSIZE) this.#counters.sendDroppedTooBig++;
    else if (errno === EAGAIN || errno === ENOBUFS) this.#counters.sendDroppedBufferFull++;
    else this.#counters.sendDroppedFailed++;
  }

  /** Waits until the send buffer accepts data. Returns false if the waiting time is used up. */
  #waitUntilWritable(): boolean {
    if (this.#hasSent && boottimeMs() >= this.#waitedAt + REST_MS) this.#waitsLeft = WAITS;
    if (this.#waitsLeft === 0) return false;
    this.#waitsLeft--;
    this.#hasSent = false;
    libc().poll(this.#poll.address, 1, WAIT_MS);
    this.#waitedAt = boottimeMs();
    return true;
  }
}

/** How many datagrams the queue holds before it flushes itself. */
export const SEND_QUEUE_CAPACITY = 256;
/** UDP_MAX_SEGMENTS of older kernels. Newer ones accept 128. */
const MAX_SEGMENTS = 64;
/** All flushes together wait at most `WAITS` times `WAIT_MS` ms for a full send buffer. */
const WAITS = 4;
const WAIT_MS = 5;
/**
 * When the waiting time is used up, at least this many ms pass before the queue waits again. This
 * time is longer than one turn of the packet loop.
 */
const REST_MS = 20;
