/**
 * `openUdp`: UDP sockets of a WireGuard device on Linux: both families on one port, one system call
 * per batch.
 *
 * @module
 */
import type { DatagramRun, Endpoint } from '@litz/core';
import { checkFunction, checkInteger, libc } from '@litz/sys';
import { checkDestination, checkRun } from './check-run.ts';
import { UdpCounters } from './counters.ts';
import { createFamilySocket, type FamilySocket } from './family-socket.ts';
import { KnownOffloads } from './known-offloads.ts';
import { EAFNOSUPPORT, type Family } from './linux-abi.ts';
import { enableCoalescing, openSockets, setSocketMark, type BoundSockets } from './open-sockets.ts';
import { RunCopy } from './run-copy.ts';
import { ReceiveBatch, SLOT_LENGTH, type DatagramSink } from './receive-batch.ts';
import type { SendCallbacks } from './send-queue.ts';
import type { SuspectSources } from './suspect-sources.ts';
import { checkMark, checkUdpOptions, defaultSlots, type UdpOptions } from './udp-options.ts';

/**
 * Opens the sockets. If `gso` or `gro` is true, a few datagrams over loopback then test whether the
 * kernel segments and coalesces correctly. The test runs after binding: if the port is taken, each
 * attempt fails at once, without the test. Linux only: recvmmsg(2), sendmmsg(2), udp(7).
 *
 * @example
 *
 * ```ts
 * // As root, on Linux.
 * import { Endpoint } from '@litz/core';
 * import { openUdp } from '@litz/udp';
 *
 * const sockets = openUdp({ port: 0, loopbackOnly: true, gso: true, gro: true });
 * const self = new Endpoint(Uint8Array.of(127, 0, 0, 1), sockets.port);
 * sockets.send(Uint8Array.of(1, 2, 3), 0, 3, self, 0);
 * sockets.flush();
 * sockets.receive((buffer, offset, length, source) => {
 *   console.log(`${length} bytes from ${source}`);
 * });
 * sockets.close();
 * ```
 *
 * @throws {TypeError} an option has a wrong type
 * @throws {RangeError} a number is out of range, or `memory` is too small
 * @throws {SystemError} `errno` 'EADDRINUSE': the port is taken; 'EPERM': no right to set the mark;
 *   'EADDRNOTAVAIL': `loopbackOnly` is set and there is no loopback; 'EAFNOSUPPORT': the system has
 *   neither family
 * @throws {WireGuardError} `ERR_LITZ_UNSUPPORTED_PLATFORM`, `ERR_LITZ_FFI_MISSING`: use
 *   `openPortableUdp` instead
 */
export function openUdp(options: UdpOptions): UdpSockets {
  checkUdpOptions(options);
  const { port, mark = 0, bufferBytes = DEFAULT_BUFFER_BYTES, gso = false, gro = false } = options;
  const { loopbackOnly = false } = options;
  libc();
  const { batch, counters } = createReceiveBatch(options);
  const bound = openSockets(port, { bufferBytes, mark, loopbackOnly });
  try {
    return new UdpSockets(bound, batch, counters, {
      ...options,
      gso: useOffloads(bound, gso, gro, options),
    });
  } catch (error) {
    for (const fd of [bound.v4, bound.v6]) if (fd !== undefined) libc().close(fd);
    throw error;
  }
}

/**
 * Sockets on one port, one for each family that the system has. `openUdp` opens them. Poll `fds`
 * for POLLIN, then call `receive`. `send` and `sendRun` queue datagrams, and `flush` sends them.
 */
export class UdpSockets {
  /** The port of both sockets, 1 to 65535. */
  readonly port: number;
  /** What was received, sent and lost. The object is live. */
  readonly counters: UdpCounters;
  readonly #batch: ReceiveBatch;
  #sockets: FamilySocket[];
  #v4: FamilySocket | undefined;
  #v6: FamilySocket | undefined;
  readonly #callbacks: SendCallbacks;
  readonly #suspects: SuspectSources | undefined;
  #mark: number;
  #firstToReceive = 0;
  /** The run to queue, reused for each call. */
  readonly #run = new RunCopy();

  /** @internal Takes ownership of the file descriptors. Use `openUdp`. */
  constructor(
    bound: BoundSockets,
    batch: ReceiveBatch,
    counters: UdpCounters,
    options: SendCallbacks & Pick<UdpOptions, 'gso' | 'mark' | 'suspects'>,
  ) {
    this.port = bound.port;
    this.counters = counters;
    this.#batch = batch;
    this.#callbacks = options;
    this.#suspects = options.suspects;
    this.#mark = options.mark ?? 0;
    const create = (family: Family, fd: number | undefined): FamilySocket | undefined =>
      fd === undefined ? undefined : createFamilySocket(family, fd, counters, options);
    this.#v4 = create(4, bound.v4);
    this.#v6 = create(6, bound.v6);
    this.#sockets = [this.#v4, this.#v6].filter((socket) => socket !== undefined);
  }

  /** SO_MARK; 0: none. */
  get mark(): number {
    return this.#mark;
  }

  /** The file descriptors to poll for POLLIN. Empty after `close`. */
  get fds(): readonly number[] {
    return this.#sockets.map((socket) => socket.fd);
  }

  /** The family of each of `fds`. */
  get families(): readonly (4 | 6)[] {
    return this.#sockets.map((socket) => socket.family);
  }

  /** The kernel's counters of lost datagrams (SO_RXQ_OVFL), one for each of `fds`. */
  get overflows(): readonly number[] {
    return this.#sockets.map((socket) => socket.lastOverflow);
  }

  /** @internal Sets `overflows` to the values that another process has counted. */
  restoreOverflows(overflows: readonly number[]): void {
    this.#sockets.forEach((socket, i) => (socket.lastOverflow = overflows[i] ?? 0));
  }

  /**
   * Whether several datagrams are passed to the kernel as one message, which the kernel splits (UDP
   * GSO). False after the kernel has refused this on all sockets.
   */
  get segmenting(): boolean {
    return this.#sockets.some((socket) => socket.queue.segmenting);
  }

  /**
   * Receives one batch and passes it to `sink` datagram by datagram. The bytes stay valid until the
   * next `receive`. The two families take turns in being the first, so that datagrams of one family
   * cannot delay the other family without end.
   *
   * @param only index into `fds` of the one socket to receive from; -1: all sockets
   * @throws {TypeError} `sink` is not a function, or the buffer of `memory` was transferred or
   *   resized
   * @throws {SystemError} a socket cannot be used
   * @returns the number of datagrams taken from the sockets, including dropped ones; 0: no datagram
   *   was there
   */
  receive(sink: DatagramSink, only = -1): number {
    return this.#receive(this.#batch, sink, only);
  }

  /**
   * Receives one batch into half of the memory. The bytes stay valid until the next `receive`, or
   * the next `receiveHalf` with the same half: so one half can be used while the kernel writes the
   * other one.
   *
   * @param half 0 or 1
   * @param only as in `receive`
   * @throws {TypeError | SystemError} as `receive` does
   * @throws {RangeError} there is only one slot
   * @returns the number of datagrams taken from the sockets, including dropped ones
   */
  receiveHalf(half: number, sink: DatagramSink, only = -1): number {
    checkInteger('half', half, 0, 1);
    return this.#receive(this.#batch.halves[half]!, sink, only);
  }

  #receive(batch: ReceiveBatch, sink: DatagramSink, only: number): number {
    checkFunction('sink', sink);
    checkInteger('only', only, -1, MOST_SOCKETS);
    const sockets = this.#sockets;
    batch.reset();
    const single = sockets[only];
    if (single) return batch.receive(single, sink);
    this.#firstToReceive ^= 1;
    let datagrams = 0;
    for (let i = 0; i < sockets.length; i++) {
      const socket = sockets[(i + this.#firstToReceive) % sockets.length];
      // The sink may have closed the sockets.
      if (socket && this.#sockets === sockets) datagrams += batch.receive(socket, sink);
    }
    return datagrams;
  }

  /**
   * Queues one datagram of `length` bytes at `offset`. The buffer is referenced until `flush`, and
   * the bytes must not change before `flush`. A queue of 256 datagrams flushes itself before it
   * takes another one. `tos`: DSCP and ECN. If the buffer is transferred before the flush, the
   * datagram is lost with EFAULT.
   *
   * @throws {TypeError} `buffer` is not a Uint8Array, or `destination` is not an endpoint
   * @throws {RangeError} the datagram is outside the buffer, or `tos` is not an integer from 0 to
   *   255
   */
  send(
    buffer: Uint8Array,
    offset: number,
    length: number,
    destination: Endpoint,
    tos: number,
  ): void {
    const to = this.#target(destination, tos, 1);
    this.#queue(this.#run.single(buffer, offset, length, to, tos));
  }

  /**
   * Queues several datagrams at equal distances. In all other respects it does what `send` does.
   *
   * @param run borrowed for the call
   * @throws {TypeError} as `send` does
   * @throws {RangeError} as `send` does, for each datagram; a length or `stride` is not an integer,
   *   `count` is below 1, or `lastLength` is not within 0 to `length`
   */
  sendRun(run: DatagramRun): void {
    // `#target` runs before the copy, because it may call `onSourceLost`. That callback may call
    // `send`, which overwrites `#run`.
    const to = this.#target(run.destination, run.tos, run.count);
    const own = this.#run.copy(run);
    own.destination = to;
    this.#queue(own);
  }

  /** Returns the endpoint to send to: without its source, if the source no longer works. */
  #target(destination: Endpoint, tos: number, count: number): Endpoint {
    checkDestination(destination, tos);
    return this.#suspects?.size ? this.#withoutLostSource(destination, count) : destination;
  }

  #queue(run: RunCopy): void {
    // No code of the caller runs between this check and the queue.
    checkRun(run);
    const { destination, count } = run;
    const socket = destination.address.length === 4 ? this.#v4 : this.#v6;
    if (socket) {
      socket.queue.pushRun(run);
      run.clear();
      return;
    }
    run.clear();
    for (let i = 0; i < count; i++) {
      this.counters.sendDroppedFailed++;
      this.#callbacks.onSendError?.(EAFNOSUPPORT, destination);
    }
  }

  /** Sends the queue. Datagrams that cannot be sent are counted and reported, never thrown. */
  flush(): void {
    this.#v4?.queue.flush();
    this.#v6?.queue.flush();
  }

  /**
   * Drops floods of handshake messages before they reach the sockets' queues, where transport
   * messages wait too. The kernel drops most messages of sources that send many.
   *
   * @param now monotonic milliseconds
   * @returns when to call this again if no batch comes earlier; Infinity: not needed
   * @throws {TypeError} `now` is not a finite number
   */
  updateFloodFilter(now: number): number {
    if (!Number.isFinite(now)) {
      throw new TypeError(`"now" expected a finite number of milliseconds, got ${String(now)}`);
    }
    let due = Infinity;
    for (const { floodFilter } of this.#sockets) {
      floodFilter.update(now);
      due = Math.min(due, floodFilter.due);
    }
    return due;
  }

  /** Changes SO_MARK for all following datagrams; 0 clears it. Throws as `openUdp` does. */
  setMark(mark: number): void {
    checkMark(mark);
    for (const socket of this.#sockets) setSocketMark(socket.fd, mark);
    this.#mark = mark;
  }

  /**
   * Closes both sockets. Queued datagrams that are not flushed are lost. Later calls do nothing.
   */
  close(): void {
    const sockets = this.#sockets;
    this.#sockets = [];
    this.#v4 = undefined;
    this.#v6 = undefined;
    for (const socket of sockets) {
      // A callback may call `close` in the middle of a flush. The flush must not use the closed
      // descriptor.
      socket.queue.close();
      libc().close(socket.fd);
    }
  }

  /** Returns the destination, without its source if the source is suspect and does not work. */
  #withoutLostSource(destination: Endpoint, datagrams: number): Endpoint {
    const to = this.#suspects!.check(destination, this);
    if (to === destination) return to;
    this.counters.sentWithoutSource += datagrams;
    this.#callbacks.onSourceLost?.(destination);
    return to;
  }
}

/**
 * Makes the slots for received datagrams, in the memory of the options.
 *
 * @throws {RangeError} the number of slots is out of range, or the memory is too small
 */
export function createReceiveBatch(options: Pick<UdpOptions, 'slots' | 'memory' | 'gro'>): {
  batch: ReceiveBatch;
  counters: UdpCounters;
} {
  const { gro = false } = options;
  const { slots = defaultSlots({ gro }) } = options;
  checkInteger('slots', slots, 1, MOST_SLOTS);
  const counters = new UdpCounters();
  const memory = options.memory ?? { buffer: new Uint8Array(slots * SLOT_LENGTH), offset: 0 };
  return { batch: new ReceiveBatch(slots, memory.buffer, memory.offset, counters), counters };
}

/** Switches coalescing on if it is requested and works. @returns whether to segment */
function useOffloads(bound: BoundSockets, gso: boolean, gro: boolean, to: SendCallbacks): boolean {
  const { udpGso, udpGro } = gso || gro ? KNOWN_OFFLOADS.testUnknownOffloads({ gro }) : {};
  if (gso && udpGso !== undefined) to.onOffloadLost?.('udpGso', udpGso);
  const groLost = gro ? (udpGro ?? enableCoalescing(bound)) : undefined;
  if (groLost !== undefined) to.onOffloadLost?.('udpGro', groLost);
  return gso && udpGso === undefined;
}

const MOST_SLOTS = 1024;
/** One socket per family. */
const MOST_SOCKETS = 2;
/** The same as wireguard-go (conn/controlfns.go): a burst of 100 Mbit/s over half a second. */
const DEFAULT_BUFFER_BYTES = 7 * 1024 * 1024;
/** One object per thread, because each thread loads its own modules. */
const KNOWN_OFFLOADS = new KnownOffloads();
