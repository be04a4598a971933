/**
 * `openEventLoopUdp`: the batched sockets of `openUdp` for a program that runs on the event loop of
 * Node.js. A callback tells it when there are datagrams.
 *
 * Node.js has no public way to watch a descriptor, and node:dgram reads one datagram at a time. So
 * the kernel reports with a signal (SIGIO) that datagrams arrived, and they are read in batches.
 *
 * @module
 */
import { isMainThread } from 'node:worker_threads';
import { WireGuardError, type DatagramRun, type Endpoint } from '@litz/core';
import { checkFunction, ReadableSignal } from '@litz/sys';
import type { UdpCounters } from './counters.ts';
import type { DatagramSink } from './receive-batch.ts';
import type { UdpOptions } from './udp-options.ts';
import { openUdp, type UdpSockets } from './udp-sockets.ts';

/** The options of `openEventLoopUdp`. */
export interface EventLoopUdpOptions extends UdpOptions {
  /**
   * Called when there may be datagrams to receive. After this callback has returned, call `receive`
   * until it returns 0.
   */
  onReadable: () => void;
}

/**
 * Opens batched sockets that call `onReadable`. Linux only, and only in the main thread of a
 * process. They need no privilege and do not keep the process alive.
 *
 * @example
 *
 * ```ts
 * // As root, on Linux.
 * import { Endpoint } from '@litz/core';
 * import { openEventLoopUdp } from '@litz/udp';
 *
 * let isReadable = (): void => {};
 * const readable = new Promise<void>((resolve) => (isReadable = resolve));
 * const options = { port: 0, loopbackOnly: true, onReadable: () => isReadable() };
 * const sockets = openEventLoopUdp(options);
 * const self = new Endpoint(Uint8Array.of(127, 0, 0, 1), sockets.port);
 * sockets.send(Uint8Array.of(1, 2, 3), 0, 3, self, 0);
 * sockets.flush();
 * const timer = setTimeout(() => {}, 1000);
 * await readable;
 * clearTimeout(timer);
 * sockets.receive((buffer, offset, length) => console.log(`${length} bytes`)); //=> 3 bytes
 * sockets.close();
 * ```
 *
 * @throws the errors of `openUdp`
 * @throws {WireGuardError} `ERR_LITZ_UNSUPPORTED_PLATFORM`: this is not the main thread
 */
export function openEventLoopUdp(options: EventLoopUdpOptions): EventLoopUdp {
  const { onReadable, ...rest } = options;
  checkFunction('onReadable', onReadable);
  if (!isMainThread) {
    throw new WireGuardError(
      'ERR_LITZ_UNSUPPORTED_PLATFORM',
      'batched UDP sockets on an event loop expected the main thread: no other thread gets signals',
    );
  }
  const sockets = openUdp(rest);
  try {
    return new EventLoopUdp(sockets, onReadable);
  } catch (error) {
    sockets.close();
    throw error;
  }
}

/**
 * Batched sockets on one port, one for each family that the system has. `openEventLoopUdp` opens
 * them. Each method does what the method of the same name in `UdpSockets` does.
 */
export class EventLoopUdp {
  /** Always empty, because the sockets need not be polled. */
  readonly fds: readonly number[] = [];
  readonly #sockets: UdpSockets;
  readonly #signals: ReadableSignal[] = [];
  /**
   * Whether the signals are off. They are off while many datagrams arrive, because a signal for
   * each datagram would take more time than receiving the datagram.
   */
  #isMuted = false;
  /** Whether datagrams may be waiting. If not, `receive` makes no system call. */
  #isReadable = true;

  /** @internal Takes ownership of the sockets. Use `openEventLoopUdp`. */
  constructor(sockets: UdpSockets, onReadable: () => void) {
    this.#sockets = sockets;
    const report = (): void => {
      this.#isReadable = true;
      onReadable();
    };
    try {
      for (const fd of sockets.fds) this.#signals.push(new ReadableSignal(fd, report));
    } catch (error) {
      for (const signal of this.#signals) signal.stop();
      throw error;
    }
  }

  /** The port of both sockets, 1 to 65535. */
  get port(): number {
    return this.#sockets.port;
  }

  /** What was received, sent and lost. The object is live. */
  get counters(): UdpCounters {
    return this.#sockets.counters;
  }

  /**
   * Receives one batch if datagrams were reported. Passes them on and throws as
   * `UdpSockets.receive` does.
   *
   * @returns the number of datagrams; 0: nothing is left, and `onReadable` is called when more
   *   datagrams arrive
   */
  receive(sink: DatagramSink): number {
    if (!this.#isReadable) return 0;
    const count = this.#sockets.receive(sink);
    if (count >= MANY) this.#mute();
    if (count > 0) return count;
    if (!this.#isMuted) {
      this.#isReadable = false;
      return 0;
    }
    this.#isMuted = false;
    for (const signal of this.#signals) signal.unmute();
    // Datagrams may have come before the signals were on again.
    const late = this.#sockets.receive(sink);
    this.#isReadable = late > 0;
    return late;
  }

  /**
   * Queues one datagram. Takes the same arguments and throws the same errors as `UdpSockets.send`.
   */
  send(
    buffer: Uint8Array,
    offset: number,
    length: number,
    destination: Endpoint,
    tos: number,
  ): void {
    this.#sockets.send(buffer, offset, length, destination, tos);
  }

  /** Queues several datagrams. Throws the same errors as `UdpSockets.sendRun`. */
  sendRun(run: DatagramRun): void {
    this.#sockets.sendRun(run);
  }

  /** Sends the queue, as `UdpSockets.flush` does. */
  flush(): void {
    this.#sockets.flush();
  }

  /** Drops floods of handshake messages, as `UdpSockets.updateFloodFilter` does. */
  updateFloodFilter(now: number): number {
    return this.#sockets.updateFloodFilter(now);
  }

  /** Changes SO_MARK. Throws the same errors as `UdpSockets.setMark`. */
  setMark(mark: number): void {
    this.#sockets.setMark(mark);
  }

  /** Closes both sockets. Later calls do nothing. */
  close(): void {
    for (const signal of this.#signals) signal.stop();
    this.#isMuted = false;
    this.#sockets.close();
  }

  #mute(): void {
    if (this.#isMuted) return;
    this.#isMuted = true;
    for (const signal of this.#signals) signal.mute();
  }
}

/**
 * A batch of at least this many datagrams belongs to a stream or a flood, so the signals are turned
 * off after it.
 */
const MANY = 8;
