/**
 * `Connection`: the state of one TCP connection (RFC 9293 3.3.1, "TCB"). It has no rules. The other
 * files of this folder have the rules, each for one event.
 *
 * @module
 */
import type { StackError } from '../errors.ts';
import type { ByteRanges } from '../memory/byte-ranges.ts';
import type { DeadlineOwner } from '../memory/deadline-heap.ts';
import type { IpAddress } from '../wire/ip-address.ts';
import { allowanceOf } from '../memory/chunked-bytes.ts';
import type { ChunkPool } from '../memory/chunk-pool.ts';
import { NO_RANGES } from './receive-buffer.ts';
import { Receiving } from './receiving.ts';
import { SendBuffer } from './send-buffer.ts';
import { Sending } from './sending.ts';
import { firstReceiveBuffer, type CheckedTcpOptions } from './tcp-options.ts';

/** The states of RFC 9293 3.3.2. A listener is not a connection. */
export type TcpState =
  | 'syn-sent'
  | 'syn-received'
  | 'established'
  | 'fin-wait-1'
  | 'fin-wait-2'
  | 'close-wait'
  | 'closing'
  | 'last-ack'
  | 'time-wait'
  | 'closed';

/** The user of a connection. It is called when something happens to the connection. */
export interface ConnectionUser {
  /** Something changed: its state, what can be read, or what can be written. */
  changed(): void;
}

export class Connection implements DeadlineOwner {
  state: TcpState = 'closed';
  readonly local: IpAddress;
  readonly localPort: number;
  readonly remote: IpAddress;
  readonly remotePort: number;
  /** The keyed hash of addresses and ports. */
  readonly hash: number;
  /** The next connection with this hash. Changed by the table only. */
  nextOfHash: Connection | undefined = undefined;
  readonly options: CheckedTcpOptions;
  user: ConnectionUser | undefined = undefined;
  /** The listener in whose backlog the connection waits until it is accepted. */
  listener: ConnectionListener | undefined = undefined;
  /** Why the connection failed; undefined if it has not failed. */
  error: StackError | undefined = undefined;

  // Sending. The first six fields are ISS, SND.UNA, SND.NXT, SND.WND, SND.WL1 and SND.WL2 of RFC
  // 9293 3.3.1, in this order.
  initialSequence: number = 0;
  unacknowledged: number = 0;
  next: number = 0;
  /** In bytes. The scale is applied already. */
  sendWindow: number = 0;
  windowSequence: number = 0;
  windowAcknowledgement: number = 0;
  /** The largest window that the other side has offered. */
  largestWindow: number = 0;
  sendScale: number = 0;
  /** The sequence number of position 0 of the send buffer. */
  dataStart: number = 0;
  /** Whether the program sends no more: a FIN follows the data. */
  finQueued: boolean = false;
  finSent: boolean = false;
  /**
   * How many bytes of data a segment may have. The bytes of the timestamps option are already
   * subtracted.
   */
  segmentSize: number = 536;
  /** The length in bytes of the packet to probe the path with; 0: none (RFC 4821 7). */
  probeLength: number = 0;
  /** What `PathMtuTable.versionAt` returned when `segmentSize` was computed. */
  pathVersion: number = 0;
  /** The maximum segment size that the other side has announced (RFC 9293 3.7.1). */
  remoteSegmentSize: number = 536;
  /** The round trip of the handshake in whole µs; 0: not measured. */
  handshakeMicroseconds: number = 0;
  noDelay: boolean;

  // Receiving.
  /** RCV.NXT (RFC 9293 3.3.1). */
  receiveNext: number = 0;
  /** RCV.NXT + RCV.WND as it was announced last. */
  announcedEdge: number = 0;
  receiveScale: number = 0;
  /** Whether the FIN of the other side and all data before it have come. */
  isEnded: boolean = false;
  /** Whether the program reads no more. */
  isReadClosed: boolean = false;

  // Options.
  usesSack: boolean = false;
  usesTimestamps: boolean = false;
  timestampOffset: number = 0;
  /**
   * TS.Recent (RFC 7323 4.3). The next field is the time at which it was set, in whole seconds
   * (5.5).
   */
  recentTimestamp: number = 0;
  recentTimestampSecond: number = 0;
  /** Last.ACK.sent (RFC 7323 4.3). */
  lastAckSent: number = 0;

  // ECN (RFC 3168 6.1).
  usesEcn: boolean = false;

  needsAck: boolean = false;
  /** At the beginning of a stream: how many more acknowledgements are sent without delay. */
  quickAcks: number = 16;
  // Timers, each a time in ms.
  ackAt: number = Infinity;
  /**
   * When a keepalive probe is sent, when TIME-WAIT ends, or when FIN-WAIT-2 ends because the
   * program has closed the connection.
   */
  slowAt: number = Infinity;
  heapIndex: number = -1;
  heapKey: number = 0;
  /** How many probes of the window, or keepalive probes, were not answered. */
  probes: number = 0;
  /**
   * Whether a probe of the window, or a keepalive probe, must be sent: a segment with an old
   * sequence number (RFC 9293 3.8.4, 3.8.6.1).
   */
  needsProbe: boolean = false;
  /** Keepalive: ms of silence; 0: off. */
  keepAliveAfter: number;
  lastHeardAt: number = -Infinity;
  /** Whether a RST must be sent, which ends the connection. */
  needsReset: boolean = false;

  /** Whether it is in the list of connections that may have something to send. */
  isReady: boolean = false;

  readonly #pool: ChunkPool;
  #sendBuffer: SendBuffer | undefined = undefined;
  #sending: Sending | undefined = undefined;
  #receiving: Receiving | undefined = undefined;

  /** @param pool the memory of its buffers */
  constructor(identity: ConnectionIdentity, options: CheckedTcpOptions, pool: ChunkPool) {
    this.local = identity.local;
    this.localPort = identity.localPort;
    this.remote = identity.remote;
    this.remotePort = identity.remotePort;
    this.hash = identity.hash;
    this.options = options;
    this.noDelay = options.noDelay;
    this.keepAliveAfter = options.keepAlive;
    this.#pool = pool;
  }

  /** Whether it has a `Sending`. Without one nothing is on the way, and nothing was lost. */
  get hasSent(): boolean {
    return this.#sending !== undefined;
  }

  /** The state of sending. Made when it is read for the first time. */
  get sending(): Sending {
    return (this.#sending ??= this.#beginSending());
  }

  /** Bytes of the program until they are acknowledged. Made when it is read for the first time. */
  get sendBuffer(): SendBuffer {
    return (this.#sendBuffer ??= new SendBuffer(
      this.#pool,
      Math.min(FIRST_SEND_BUFFER, this.options.sendBuffer),
    ));
  }

  /**
   * Forgets the state of sending. Call it only if nothing is on the way, and if no value of this
   * state, such as the congestion window, is needed for later data.
   */
  forgetSending(): void {
    this.#sending = undefined;
  }

  /** Frees the send buffer and the state of sending. */
  stopSending(): void {
    this.#sendBuffer?.clear();
    this.#sending = undefined;
  }

  /** Whether it has a `Receiving`. Without one there is nothing to report or to read. */
  get hasReceived(): boolean {
    return this.#receiving !== undefined;
  }

  /** The state of receiving. Made when it is read for the first time. */
  get receiving(): Receiving {
    return (this.#receiving ??= new Receiving(this.#pool, firstReceiveBuffer(this.options)));
  }

  /** The number of bytes that can be read. */
  get readable(): number {
    return this.#receiving ? this.#receiving.buffer.readable : 0;
  }

  /** How many bytes the receive buffer may hold. */
  get receiveCapacity(): number {
    return this.#receiving ? this.#receiving.buffer.capacity : firstReceiveBuffer(this.options);
  }

  /** The number of bytes from RCV.NXT on that the other side may send. */
  get receiveRoom(): number {
    if (this.#receiving) return this.#receiving.buffer.free;
    return Math.min(firstReceiveBuffer(this.options), allowanceOf(this.#pool, 0));
  }

  /** The received ranges after the first missing byte. Positions count from that byte. */
  get ahead(): ByteRanges {
    return this.#receiving ? this.#receiving.buffer.ahead : NO_RANGES;
  }

  /** The smoothed round trip in ms; 0: not measured. */
  get roundTrip(): number {
    return this.#sending ? this.#sending.rto.smoothed : this.handshakeMicroseconds / 1000;
  }

  /** Writes when the first of its timers fires. */
  writeDeadline(out: Float64Array): void {
    const first = Math.min(this.ackAt, this.slowAt);
    const sending = this.#sending;
    out[0] = sending ? Math.min(first, sending.retransmitAt, sending.reorderAt) : first;
  }

  /** The sequence number after the last byte of data. */
  get dataEnd(): number {
    return (this.dataStart + (this.#sendBuffer?.length ?? 0)) | 0;
  }

  /** Whether the state is synchronized (RFC 9293 3.10): both SYNs are acknowledged. */
  get isSynchronized(): boolean {
    return this.state !== 'syn-sent' && this.state !== 'syn-received' && this.state !== 'closed';
  }

  #beginSending(): Sending {
    const { congestionControl } = this.options;
    const sending = new Sending(congestionControl, this.segmentSize, this.initialSequence);
    const { handshakeMicroseconds: measured } = this;
    if (measured > 0) sending.rto.sample(measured / 1000, this.lastHeardAt);
    return sending;
  }
}

/** The addresses and ports of a connection, and their hash. */
export interface ConnectionIdentity {
  readonly local: IpAddress;
  readonly localPort: number;
  readonly remote: IpAddress;
  readonly remotePort: number;
  readonly hash: number;
}

/** The listener of connections that are not accepted yet. */
export interface ConnectionListener {
  /** Whether one more connection can wait to be accepted. */
  readonly canWait: boolean;
  /** The handshake of a connection is complete: it can be accepted. */
  complete(connection: Connection): void;
  /** A connection that was not accepted is gone. */
  forget(connection: Connection): void;
}

/** In bytes. */
const FIRST_SEND_BUFFER = 2 ** 18;
