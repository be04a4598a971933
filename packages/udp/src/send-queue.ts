/**
 * Sends datagrams of one socket in batches: sendmmsg on memory that stays where it is.
 *
 * @module
 */
import type { DatagramRun, Endpoint } from '@litz/core';
import { allocate, boottimeMs, libc, type Region } from '@litz/sys';
import type { UdpCounters } from './counters.ts';
import {
  EAGAIN,
  EADDRNOTAVAIL,
  ECONNREFUSED,
  EHOSTUNREACH,
  EINTR,
  EINVAL,
  EIO,
  EMSGSIZE,
  ENETDOWN,
  ENETUNREACH,
  ENOBUFS,
  ENODEV,
  POLLOUT,
  type Family,
} from './linux-abi.ts';
import { OwnRun } from './own-run.ts';
import { hasSource, SendMessages } from './send-messages.ts';

/** Datagrams that are queued before the queue flushes itself. */
export const SEND_QUEUE_CAPACITY = 256;

/** UDP_MAX_SEGMENTS of older kernels; newer ones take 128. */
const MAX_SEGMENTS = 64;

/** How long a full send buffer is waited for in all: `WAITS` times `WAIT_MS`. */
const WAITS = 4;
const WAIT_MS = 5;
/** After which it is waited for again: longer than a wake of the packet loop takes. */
const REST_MS = 20;

/** What a source address or interface that is gone looks like. */
const SOURCE_ERRORS: ReadonlySet<number> = new Set([
  EINVAL,
  EADDRNOTAVAIL,
  ENETUNREACH,
  EHOSTUNREACH,
  ENETDOWN,
  ENODEV,
]);

/** What becomes of datagrams that do not leave as asked. Both may be called within send. */
export interface SendReports {
  /** A datagram is lost; `errno` as a number. */
  onSendError?: (errno: number, destination: Endpoint) => void;
  /** The sticky source is unusable: the datagram left from where the kernel chose. */
  onSourceLost?: (destination: Endpoint) => void;
  /** What was asked for cannot be done, or not any more; maybe once per family. */
  onOffloadLost?: (name: 'udpGso' | 'udpGro', reason: string) => void;
}

/**
 * A failing datagram never takes others with it. When the send buffer is full (EAGAIN), it is waited
 * for, which slows the TUN down as a full link should; but no more than 20 ms and then not for another
 * 20 ms, over all flushes, and not at all while it stays full. What it does not take then is dropped
 * at once, as the kernel's WireGuard does, so that a dead link does not stop the loop.
 */
export class SendQueue {
  readonly family: Family;
  #fd: number;
  readonly #counters: UdpCounters;
  readonly #reports: SendReports;
  readonly #messages: SendMessages;
  readonly #poll: Region = allocate(8);
  #segmenting: boolean;
  #waitsLeft: number = WAITS;
  /** When the last wait was over. */
  #waitedAt: number = -Infinity;
  /** The buffer took something since. */
  #hasSent = false;
  /** Reports are called within it, and may send. */
  #isFlushing = false;
  /** What the messages are given, filled again for each of them. */
  readonly #part = new OwnRun();

  constructor(
    family: Family,
    fd: number,
    options: { segmenting: boolean; counters: UdpCounters; reports: SendReports },
  ) {
    this.family = family;
    this.#fd = fd;
    this.#segmenting = options.segmenting;
    this.#counters = options.counters;
    this.#reports = options.reports;
    this.#messages = new SendMessages(family, SEND_QUEUE_CAPACITY);
    this.#poll.view.setInt32(0, fd, true);
    this.#poll.view.setInt16(4, POLLOUT, true);
  }

  /** Whether datagrams of one length to one destination leave as one message (UDP GSO). */
  get segmenting(): boolean {
    return this.#segmenting;
  }

  /** Queues one datagram. The bytes are borrowed until the next flush, which a full queue does. */
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

  /** Queues datagrams that stand at equal distances. Otherwise as `push`. All was checked by `checkRun`. */
  pushRun(run: DatagramRun): void {
    if (this.#messages.queued + run.count <= SEND_QUEUE_CAPACITY) {
      // As nearly always: nothing is flushed, so the record is read before anybody can change it.
      this.#messages.push(run);
      return;
    }
    // A flush calls reports, which may queue and so fill a caller's record anew.
    const { buffer, offset, length, lastLength, stride, count, destination, tos } = run;
    for (let done = 0; done < count;) {
      const part = Math.min(count - done, SEND_QUEUE_CAPACITY);
      if (this.#messages.queued + part > SEND_QUEUE_CAPACITY) {
        // Within a flush there is nobody who would make room.
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
   * Gives the queue to the kernel. Afterwards no byte of it is referenced. What a report queues leaves
   * along with it.
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

  /** The descriptor is somebody else's from now on: what is still queued fails with EBADF. */
  close(): void {
    this.#fd = -1;
  }

  /** Sends from datagram `first` on until the end or a failure; returns the next to send. */
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
      // The error is that of the first message: the kernel reports later ones on the next call.
      const errno = libc().errno();
      const count = messages.count(done);
      if (errno === EINTR) continue;
      if (errno === EAGAIN) {
        // Not one by one: a buffer that is full takes no shorter message either.
        if (this.#waitUntilWritable()) continue;
        this.#drop(messages.start(done), messages.count(done));
        done++;
        if (!messages.areThere()) return done < built ? messages.start(done) : queued;
        continue;
      }
      if (errno === EIO && count > 1) {
        // The egress device computes no checksums, which segmentation needs.
        this.#segmenting = false;
        this.#counters.ungrouped++;
        this.#reports.onOffloadLost?.('udpGso', 'the link computes no checksums (EIO)');
        return messages.start(done);
      }
      this.#sendAlone(messages.start(done), count, errno);
      done++;
      // A report may have let go of memory that is described already.
      if (!messages.areThere()) return done < built ? messages.start(done) : queued;
    }
    return queued;
  }

  /** Loses the datagrams of a message for which there is no room. */
  #drop(start: number, count: number): void {
    for (let i = start; i < start + count; i++) {
      this.#countDropped(EAGAIN);
      this.#reports.onSendError?.(EAGAIN, this.#messages.destination(i));
    }
  }

  /** Loses `count` datagrams for which there is no place in the queue. */
  #dropUnqueued(count: number): void {
    // Counted and not told: whoever sends in a report would be asked again without end.
    for (let i = 0; i < count; i++) this.#countDropped(ENOBUFS);
  }

  /** Sends the datagrams of a message that failed one by one. */
  #sendAlone(start: number, count: number, errno: number): void {
    // With UDP_SEGMENT a datagram above the path MTU fails (EMSGSIZE, EINVAL on older kernels);
    // alone it is fragmented and arrives.
    if (count > 1) this.#counters.ungrouped++;
    let withSource = true;
    for (let i = start; i < start + count; i++) {
      withSource = this.#sendOne(i, count > 1 ? 0 : errno, withSource);
    }
  }

  /**
   * Sends one datagram, without its source if that is what fails.
   *
   * @param errno why it failed already, 0 if it was not tried alone
   * @returns whether the source can be used for the next one
   */
  #sendOne(index: number, errno: number, withSource: boolean): boolean {
    const messages = this.#messages;
    const destination = messages.destination(index);
    for (let attempt = 0; attempt < 4; attempt++) {
      if (errno !== 0) {
        if (withSource && SOURCE_ERRORS.has(errno) && hasSource(destination)) withSource = false;
        else if (errno === EAGAIN ? !this.#waitUntilWritable() : !isPassing(errno)) break;
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
    this.#reports.onSendError?.(errno, destination);
    // Without its source it failed as well: nothing is known about the source.
    return true;
  }

  #reportSourceLost(destination: Endpoint): void {
    this.#counters.sourceLost++;
    this.#reports.onSourceLost?.(destination);
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

  /** Waits for the send buffer to drain; false when it was waited for enough. */
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

/** Left behind by an earlier datagram, or interrupted: the same call may succeed now. */
function isPassing(errno: number): boolean {
  return errno === ECONNREFUSED || errno === EINTR;
}
