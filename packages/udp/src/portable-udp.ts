/**
 * `openPortableUdp`: UDP on node:dgram. It sends and receives with the same methods as Linux's
 * sockets, and works on every system that Node.js runs on.
 *
 * It supports no source addresses, no ECN and no mark. It copies each datagram that it sends,
 * because node:dgram may send it later.
 *
 * @module
 */
import type { RemoteInfo, Socket } from 'node:dgram';
import { constants } from 'node:os';
import { WireGuardError, type DatagramRun, type Endpoint } from '@litz/core';
import { checkFunction, checkInteger, checkObject, SystemError } from '@litz/sys';
import { checkDestination, checkRun } from './check-run.ts';
import { RunCopy } from './run-copy.ts';
import { UdpCounters } from './counters.ts';
import { PortableEndpoints } from './portable-endpoints.ts';
import { bindSockets, errnoOf, setBufferLengths } from './portable-sockets.ts';
import type { DatagramSink } from './receive-batch.ts';
import type { SendCallbacks } from './send-queue.ts';

/** The options of `openPortableUdp`. */
export interface PortableUdpOptions extends SendCallbacks {
  /** 0 to 65535; 0 chooses a port that is free for both families. */
  port: number;
  /** A local address to bind instead of all addresses. Then only its family is used. */
  host?: string;
  /** How many datagrams may wait to be received; more are dropped. Default 1024. */
  receiveLimit?: number;
  /**
   * How many datagrams may wait to be sent, in the queue or in node:dgram; more are dropped.
   * Default 1024.
   */
  sendLimit?: number;
  /**
   * Bytes of the kernel's receive buffer and of its send buffer, if the system allows as much.
   * Default 7 MiB.
   */
  bufferBytes?: number;
  /**
   * Called when there are datagrams to receive and there were none before. Not called again until
   * `receive` has returned 0.
   */
  onReadable?: () => void;
}

/**
 * Opens and binds sockets of node:dgram, on every system.
 *
 * @example
 *
 * ```ts
 * import { Endpoint } from '@litz/core';
 * import { openPortableUdp } from '@litz/udp';
 *
 * const sockets = await openPortableUdp({ port: 0, host: '127.0.0.1' });
 * const arrived = new Promise<void>((resolve) => (sockets.onReadable = resolve));
 * const self = new Endpoint(Uint8Array.of(127, 0, 0, 1), sockets.port);
 * sockets.send(Uint8Array.of(1, 2, 3), 0, 3, self, 0);
 * sockets.flush();
 * await arrived;
 * sockets.receive((_buffer, _offset, length, source) => console.log(`${length} from ${source}`));
 * sockets.close();
 * ```
 *
 * @throws {TypeError} (rejects) `options` is not an object
 * @throws {RangeError} (rejects) `port`, a limit or `bufferBytes` is out of range
 * @throws {SystemError} (rejects) `errno` 'EADDRINUSE': the port is taken for one of the families;
 *   'EAFNOSUPPORT': the system has neither family
 */
export async function openPortableUdp(options: PortableUdpOptions): Promise<PortableUdp> {
  checkObject('options', options);
  const { port } = options;
  checkInteger('port', port, 0, 0xffff);
  for (const name of ['receiveLimit', 'sendLimit', 'bufferBytes'] as const) {
    if (options[name] !== undefined) checkInteger(name, options[name], 0, 0x7fff_ffff);
  }
  for (let attempt = 1; ; attempt++) {
    const sockets: Socket[] = [];
    try {
      return new PortableUdp(await bindSockets(options, sockets), options);
    } catch (error) {
      for (const socket of sockets) socket.close();
      const taken = error instanceof SystemError && error.errno === 'EADDRINUSE';
      if (port !== 0 || !taken || attempt === PORT_TRIES) throw error;
    }
  }
}

/**
 * Sockets of node:dgram on one port, one for each family that the system has. `openPortableUdp`
 * opens them. Each method does what the method of the same name in `UdpSockets` does.
 */
export class PortableUdp {
  /** The port of both sockets, 1 to 65535. */
  readonly port: number;
  /** Always empty. node:dgram is not polled; it calls `onReadable`. */
  readonly fds: readonly number[] = [];
  /** What was received, sent and lost. The object is live. */
  readonly counters: UdpCounters = new UdpCounters();
  /** See {@link PortableUdpOptions.onReadable}. */
  onReadable: (() => void) | undefined;
  readonly #callbacks: SendCallbacks;
  readonly #receiveLimit: number;
  readonly #sendLimit: number;
  readonly #endpoints = new PortableEndpoints();
  readonly #received: { datagram: Uint8Array; source: Endpoint }[] = [];
  readonly #queue: { copy: Uint8Array; destination: Endpoint }[] = [];
  #v4: Socket | undefined;
  #v6: Socket | undefined;
  #sending = 0;
  /** The run to queue, reused for each call. */
  readonly #run = new RunCopy();
  #isReadable = false;

  /** Takes ownership of bound sockets. Use `openPortableUdp`. */
  constructor(
    bound: { v4: Socket | undefined; v6: Socket | undefined },
    options: PortableUdpOptions,
  ) {
    this.#v4 = bound.v4;
    this.#v6 = bound.v6;
    this.port = (bound.v4 ?? bound.v6)!.address().port;
    this.#callbacks = options;
    this.#receiveLimit = options.receiveLimit ?? 1024;
    this.#sendLimit = options.sendLimit ?? 1024;
    this.onReadable = options.onReadable;
    for (const socket of this.#sockets()) {
      setBufferLengths(socket, options.bufferBytes);
      socket.on('message', (datagram, info) => this.#accept(datagram, info));
      // Windows reports an ICMP error of an earlier datagram here.
      socket.on('error', () => this.counters.receiveErrors++);
    }
  }

  /**
   * Passes up to 64 datagrams to `sink`. The argument `ecn` is always 0.
   *
   * @returns the number of datagrams; 0: there was none, and `onReadable` is called for the next
   *   one
   */
  receive(sink: DatagramSink): number {
    checkFunction('sink', sink);
    const batch = this.#received.splice(0, BATCH);
    if (batch.length === 0) this.#isReadable = false;
    this.counters.receivedDatagrams += batch.length;
    for (const { datagram, source } of batch) sink(datagram, 0, datagram.length, source, 0);
    return batch.length;
  }

  /**
   * Queues one datagram. Its bytes are copied. `tos` is ignored, because node:dgram cannot set it.
   *
   * @throws {TypeError | RangeError} as `UdpSockets.send` does
   */
  send(
    buffer: Uint8Array,
    offset: number,
    length: number,
    destination: Endpoint,
    tos: number,
  ): void {
    this.#queueRun(this.#run.single(buffer, offset, length, destination, tos));
  }

  #push(buffer: Uint8Array, offset: number, length: number, destination: Endpoint): void {
    if (this.#sending + this.#queue.length >= this.#sendLimit) {
      this.#drop(constants.errno.ENOBUFS, destination);
      return;
    }
    this.#queue.push({ copy: buffer.slice(offset, offset + length), destination });
  }

  /**
   * Queues several datagrams at equal distances. In all other respects it does what `send` does.
   *
   * @param run borrowed for the call
   * @throws {TypeError | RangeError} as `UdpSockets.sendRun` does
   */
  sendRun(run: DatagramRun): void {
    this.#queueRun(this.#run.copy(run));
  }

  #queueRun(run: RunCopy): void {
    checkDestination(run.destination, run.tos);
    checkRun(run);
    const { buffer, offset, length, lastLength, stride, count, destination } = run;
    for (let i = 0; i < count; i++) {
      this.#push(buffer, offset + i * stride, i < count - 1 ? length : lastLength, destination);
    }
    run.clear();
  }

  /** Passes the queue to node:dgram. Failures are counted and reported, now or later. */
  flush(): void {
    for (const { copy, destination } of this.#queue) this.#transmit(copy, destination);
    this.#queue.length = 0;
  }

  /**
   * Accepts only 0, because node:dgram cannot set a mark.
   *
   * @throws {WireGuardError} `ERR_LITZ_UNSUPPORTED_PLATFORM`: `mark` is not 0
   */
  setMark(mark: number): void {
    if (mark === 0) return;
    throw new WireGuardError(
      'ERR_LITZ_UNSUPPORTED_PLATFORM',
      `portable UDP sockets expected "mark" to be 0, got ${mark}: only openUdp can set one`,
    );
  }

  /** Lets the process end while the sockets are open. */
  unref(): void {
    for (const socket of this.#sockets()) socket.unref();
  }

  /**
   * Closes both sockets. Datagrams that are not yet received or sent are lost. Later calls do
   * nothing.
   */
  close(): void {
    const sockets = this.#sockets();
    this.#v4 = undefined;
    this.#v6 = undefined;
    this.#queue.length = 0;
    this.#received.length = 0;
    for (const socket of sockets) socket.close();
  }

  #sockets(): Socket[] {
    return [this.#v4, this.#v6].filter((socket) => socket !== undefined);
  }

  #accept(datagram: Uint8Array, info: RemoteInfo): void {
    if (!this.#v4 && !this.#v6) return;
    this.counters.receivedMessages++;
    if (this.#received.length >= this.#receiveLimit) {
      this.counters.receiveDroppedOverflow++;
      return;
    }
    const source = this.#endpoints.lookup(info.address, info.port);
    if (!source) {
      this.counters.receiveDroppedSource++;
      return;
    }
    // This makes a plain Uint8Array. `slice` of a Buffer does not copy, and a sink may call `slice`
    // for a copy.
    const { buffer, byteOffset, length } = datagram;
    this.#received.push({ datagram: new Uint8Array(buffer, byteOffset, length), source });
    if (this.#isReadable) return;
    this.#isReadable = true;
    this.onReadable?.();
  }

  #transmit(copy: Uint8Array, destination: Endpoint): void {
    const socket = destination.address.length === 4 ? this.#v4 : this.#v6;
    if (!socket) {
      this.#drop(constants.errno.EAFNOSUPPORT, destination);
      return;
    }
    this.#sending++;
    const text = this.#endpoints.textOf(destination);
    socket.send(copy, destination.port, text, (error) => {
      this.#sending--;
      if (error) this.#drop(errnoOf(error), destination);
      else {
        this.counters.sentMessages++;
        this.counters.sentDatagrams++;
      }
    });
  }

  #drop(errno: number, destination: Endpoint): void {
    const { EMSGSIZE, ENOBUFS, EAGAIN } = constants.errno;
    if (errno === EMSGSIZE) this.counters.sendDroppedTooBig++;
    else if (errno === ENOBUFS || errno === EAGAIN) this.counters.sendDroppedBufferFull++;
    else this.counters.sendDroppedFailed++;
    this.#callbacks.onSendError?.(errno, destination);
  }
}

/** How many free IPv4 ports are tried until one is also free for IPv6. */
const PORT_TRIES = 100;
/** How many datagrams one `receive` passes to the sink at most. */
const BATCH = 64;
