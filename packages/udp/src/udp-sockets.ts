/**
 * UDP for a WireGuard device on Linux: both families on one port, whole batches per system call.
 *
 * @module
 */
import type { Endpoint } from '@litz/core';
import { libc } from '@litz/sys';
import { UdpCounters } from './counters.ts';
import { EndpointCache } from './endpoint-cache.ts';
import { FloodGuard } from './flood-guard.ts';
import { KnownOffloads } from './known-offloads.ts';
import { EAFNOSUPPORT, type Family } from './linux-abi.ts';
import {
  attachFilter,
  canSegment,
  coalesce,
  openBoth,
  setSocketMark,
  type BoundSockets,
} from './open-socket.ts';
import {
  ReceiveBatch,
  SLOT_LENGTH,
  type DatagramSink,
  type ReceiveSource,
} from './receive-batch.ts';
import { checkRun } from './send-messages.ts';
import { SendQueue, type SendReports } from './send-queue.ts';

/** WireGuard's own choice: a burst of 100 Mbit/s over half a second. */
const DEFAULT_BUFFER_BYTES = 7 * 1024 * 1024;
/** Of this thread: each has a module of its own. */
const KNOWN_OFFLOADS = new KnownOffloads();

export interface UdpOptions extends SendReports {
  /** 0 to 65535; 0 picks a port that is free for both families. */
  port: number;
  /** Hears and sends on loopback alone: nobody else on the network finds the port. Default false. */
  loopbackOnly?: boolean;
  /** SO_MARK of all datagrams, 0 = none. Needs CAP_NET_ADMIN. */
  mark?: number;
  /** Lets the kernel segment runs of datagrams of one length (UDP_SEGMENT). Default false. */
  gso?: boolean;
  /** Lets the kernel coalesce received datagrams (UDP_GRO). Default false. */
  gro?: boolean;
  /** Of the kernel's receive and send buffer each. */
  bufferBytes?: number;
  /**
   * Index of an interface whose datagrams are dropped and counted: a tunnel's own, whose peers could
   * have it send to itself for ever. Default 0: none.
   */
  ignoredInterface?: number;
  /** Messages per receive call, each with a slot of 65536 bytes. Default 64, with `gro` 8. */
  slots?: number;
  /**
   * Where received datagrams are put: `slots` * 65536 bytes from `offset` on, borrowed until close.
   * `sink` gets this very buffer. By default memory of its own, touched only as far as it is used.
   */
  memory?: { buffer: Uint8Array; offset: number };
}

/**
 * Opens the sockets. With `gso` or `gro`, a few datagrams over loopback show then whether this kernel
 * does it right: not before, so that a port which is taken is found out at once, however often it is
 * tried.
 *
 * @throws {RangeError} `port` or `mark` is out of range, or `memory` too small
 * @throws {SystemError} `errno` 'EADDRINUSE': the port is taken; 'EPERM': no right to set the mark;
 *   'EADDRNOTAVAIL': with `loopbackOnly`, there is no loopback
 * @throws {WireGuardError} `ERR_LITZ_UNSUPPORTED_PLATFORM`, `ERR_LITZ_FFI_MISSING`: use
 *   `openPortableUdp`
 */
export function openUdp(options: UdpOptions): UdpSockets {
  const { port, mark = 0, bufferBytes = DEFAULT_BUFFER_BYTES, gso = false, gro = false } = options;
  const { loopbackOnly = false } = options;
  checkInteger('port', port, 0, 0xffff);
  checkMark(mark);
  const { slots = receiveSlots({ gro }) } = options;
  checkInteger('slots', slots, 1, 1024);
  const counters = new UdpCounters();
  const memory = options.memory ?? { buffer: new Uint8Array(slots * SLOT_LENGTH), offset: 0 };
  libc();
  const batch = new ReceiveBatch(
    slots,
    memory.buffer,
    memory.offset,
    counters,
    options.ignoredInterface,
  );
  const bound = openBoth(port, { bufferBytes, mark, loopbackOnly });
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

/** Switches coalescing on if it is wanted and right. @returns whether to segment */
function useOffloads(bound: BoundSockets, gso: boolean, gro: boolean, to: SendReports): boolean {
  const { udpGso, udpGro } = gso || gro ? KNOWN_OFFLOADS.faults({ gro }) : {};
  if (gso && udpGso !== undefined) to.onOffloadLost?.('udpGso', udpGso);
  const groLost = gro ? (udpGro ?? coalesce(bound)) : undefined;
  if (groLost !== undefined) to.onOffloadLost?.('udpGro', groLost);
  return gso && udpGso === undefined;
}

/** The default number of slots: a coalesced message holds many datagrams, so fewer are needed. */
export function receiveSlots(options: { gro?: boolean } = {}): number {
  return options.gro ? 8 : 64;
}

/** One socket per family the system has, on one port. */
export class UdpSockets {
  readonly port: number;
  readonly counters: UdpCounters;
  readonly #batch: ReceiveBatch;
  #sockets: Socket[];
  #v4: Socket | undefined;
  #v6: Socket | undefined;
  readonly #reports: SendReports;
  #firstToReceive = 0;

  /** Takes over the file descriptors. Use `openUdp`. */
  constructor(
    bound: BoundSockets,
    batch: ReceiveBatch,
    counters: UdpCounters,
    options: SendReports & { gso?: boolean },
  ) {
    this.port = bound.port;
    this.counters = counters;
    this.#batch = batch;
    this.#reports = options;
    const create = (family: Family, fd: number | undefined): Socket | undefined =>
      fd === undefined ? undefined : createSocket(family, fd, counters, options);
    this.#v4 = create(4, bound.v4);
    this.#v6 = create(6, bound.v6);
    this.#sockets = [this.#v4, this.#v6].filter((socket) => socket !== undefined);
  }

  /** The file descriptors to poll for POLLIN. Empty after `close`. */
  get fds(): readonly number[] {
    return this.#sockets.map((socket) => socket.fd);
  }

  /** Whether runs of datagrams leave as one message; a socket whose link cannot do it stops. */
  get segmenting(): boolean {
    return this.#sockets.some((socket) => socket.queue.segmenting);
  }

  /**
   * Receives one batch and gives it to `sink` datagram by datagram; the bytes stay valid until the
   * next `receive`. The families take turns in going first, so that neither starves the other.
   *
   * @param only index into `fds` of the one socket to look at
   * @returns datagrams taken from the sockets, dropped ones included; 0 = nothing there
   */
  receive(sink: DatagramSink, only = -1): number {
    const sockets = this.#sockets;
    this.#batch.reset();
    const single = sockets[only];
    if (single) return this.#batch.receive(single, sink);
    this.#firstToReceive ^= 1;
    let datagrams = 0;
    for (let i = 0; i < sockets.length; i++) {
      const socket = sockets[(i + this.#firstToReceive) % sockets.length];
      // The sink may have closed the sockets.
      if (socket && this.#sockets === sockets) datagrams += this.#batch.receive(socket, sink);
    }
    return datagrams;
  }

  /**
   * Queues one datagram of `length` bytes at `offset`. The bytes are borrowed until `flush`; a queue
   * of 256 datagrams flushes itself. `tos`: DSCP and ECN.
   */
  send(
    buffer: Uint8Array,
    offset: number,
    length: number,
    destination: Endpoint,
    tos: number,
  ): void {
    this.sendRun(buffer, offset, length, length, 0, 1, destination, tos);
  }

  /**
   * Queues `count` datagrams, `stride` bytes apart from `offset` on: each of `each` bytes, the last of
   * `last`, which is no more. They may touch or not. Otherwise as `send`.
   *
   * @throws {RangeError} a length or `stride` is no integer, `count` none of 1 or more, or `last` not 0
   *   to `each`
   */
  sendRun(
    buffer: Uint8Array,
    offset: number,
    each: number,
    last: number,
    stride: number,
    count: number,
    destination: Endpoint,
    tos: number,
  ): void {
    const socket = destination.address.length === 4 ? this.#v4 : this.#v6;
    if (socket) {
      socket.queue.pushRun(buffer, offset, each, last, stride, count, destination, tos);
      return;
    }
    checkRun(each, last, stride, count);
    for (let i = 0; i < count; i++) {
      this.counters.sendDroppedFailed++;
      this.#reports.onSendError?.(EAFNOSUPPORT, destination);
    }
  }

  /** Sends what is queued. Datagrams that cannot be sent are counted and reported, never thrown. */
  flush(): void {
    this.#v4?.queue.flush();
    this.#v6?.queue.flush();
  }

  /**
   * Keeps floods of handshake messages out of the sockets' queues, where transport messages wait too: the
   * kernel drops most of what comes from those who send many.
   *
   * @returns when to call again, if no batch comes before; Infinity if there is no need
   */
  shedHandshakes(now: number): number {
    let due = Infinity;
    for (const { guard } of this.#sockets) {
      guard.follow(now);
      due = Math.min(due, guard.due);
    }
    return due;
  }

  /** Changes SO_MARK from the next datagram on, 0 clears it. Throws as `openUdp` does. */
  setMark(mark: number): void {
    checkMark(mark);
    for (const socket of this.#sockets) setSocketMark(socket.fd, mark);
  }

  /** Closes both sockets; what is queued and not flushed is lost. Further calls do nothing. */
  close(): void {
    const sockets = this.#sockets;
    this.#sockets = [];
    this.#v4 = undefined;
    this.#v6 = undefined;
    for (const socket of sockets) libc().close(socket.fd);
  }
}

interface Socket extends ReceiveSource {
  readonly guard: FloodGuard;
  readonly queue: SendQueue;
}

function createSocket(
  family: Family,
  fd: number,
  counters: UdpCounters,
  options: SendReports & { gso?: boolean },
): Socket {
  const { gso = false } = options;
  const segmenting = gso && canSegment(fd);
  if (gso && !segmenting) options.onOffloadLost?.('udpGso', 'the kernel has no UDP_SEGMENT');
  const queue = new SendQueue(family, fd, { segmenting, counters, reports: options });
  return {
    family,
    fd,
    queue,
    guard: new FloodGuard(family, (program) => attachFilter(fd, program)),
    endpoints: new EndpointCache(family),
    overflowSeen: 0,
    messageLength: 0,
  };
}

function checkMark(mark: number): void {
  checkInteger('mark', mark, 0, 0xffff_ffff);
}

function checkInteger(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(`"${name}" expected an integer of ${min}..${max}, got ${value}`);
}
