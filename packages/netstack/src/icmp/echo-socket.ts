/**
 * `EchoSocket`: sends echo requests and receives the replies (RFC 792, RFC 4443 4).
 *
 * Made by `Stack.openEcho`. Requests of others are answered by the stack itself.
 *
 * @module
 */
import { checkBytes, requireInteger } from '@litz/core/internals';
import { StackError } from '../errors.ts';
import { beginPacket, finishPacket } from '../ip/send.ts';
import { copyBytes } from '../memory/copy-bytes.ts';
import type { StackState } from '../stack-state.ts';
import { DatagramOrigin, DatagramQueue } from '../udp/datagram-queue.ts';
import { writeUint16 } from '../wire/bytes.ts';
import { ICMP, ICMP_HEADER_LENGTH, ICMPV6, writeIcmpChecksum } from '../wire/icmp.ts';
import { IpAddress } from '../wire/ip-address.ts';
import { PROTOCOL } from '../wire/protocol.ts';

/** Sends echo requests with an identifier of its own. */
export class EchoSocket {
  /** Receives at all addresses of the stack. */
  readonly localAddress: undefined = undefined;
  /** The identifier of its ICMP messages. */
  readonly localPort: number;
  /** The origin of the reply that `receive` returned last. Its `port` is the sequence number. */
  readonly origin: DatagramOrigin = new DatagramOrigin();
  /** @internal */
  isChanged: boolean = false;
  /** @internal */
  readonly queue: DatagramQueue;
  readonly #state: StackState;
  #error: StackError | undefined;
  #isClosed = false;

  /** @internal Use `Stack.openEcho`. */
  constructor(state: StackState, identifier: number) {
    this.#state = state;
    this.localPort = identifier;
    this.queue = new DatagramQueue(state.pool, QUEUE_LIMIT);
  }

  /** Whether a reply waits to be read. */
  get isReadable(): boolean {
    return this.queue.count > 0;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Sends one request. The bytes are copied.
   *
   * @param sequence 0 to 65535
   * @returns false if the request was dropped because the output queue is full
   * @throws {StackError} `EHOSTUNREACH`: the stack has no address of the IP version of `address`,
   *   or `address` cannot be the address of one host; `EMSGSIZE`: the request is longer than a
   *   packet can be; `EPIPE`: the socket is closed; `ENETDOWN`: the stack is closed
   */
  send(address: string | Uint8Array | IpAddress, sequence: number, data: Uint8Array): boolean {
    checkBytes(data, 'data');
    requireInteger(sequence, 'sequence', 0, 0xffff);
    if (this.#isClosed)
      throw this.#state.failure ?? new StackError('EPIPE', 'the socket is closed');
    const { header, building, addresses } = this.#state;
    const destination = address instanceof IpAddress ? address : IpAddress.from(address);
    const source = addresses.sourceFor(destination);
    if (!source || !destination.isHost) {
      throw new StackError(
        'EHOSTUNREACH',
        `the stack has no address from which ${destination.toString()} can be reached`,
      );
    }
    const isV4 = destination.version === 4;
    header.begin(source, destination, isV4 ? PROTOCOL.ICMP : PROTOCOL.ICMPV6, 0);
    const length = ICMP_HEADER_LENGTH + data.length;
    if (length > MOST_TRANSPORT) {
      throw new StackError('EMSGSIZE', `a request of ${data.length} bytes is too long`);
    }
    if (!beginPacket(this.#state, length)) return this.#drop();
    const { buffer, transport } = building;
    buffer[transport] = isV4 ? ICMP.ECHO_REQUEST : ICMPV6.ECHO_REQUEST;
    buffer[transport + 1] = 0;
    writeUint16(buffer, transport + 4, this.localPort);
    writeUint16(buffer, transport + 6, sequence);
    copyBytes(data, 0, buffer, transport + ICMP_HEADER_LENGTH, data.length);
    writeIcmpChecksum(header, building, length);
    return finishPacket(this.#state) || this.#drop();
  }

  /**
   * Reads the data of the first reply into `target` from `offset` on. Bytes that do not fit are
   * lost.
   *
   * @returns the number of bytes written; -1 if no reply waits
   */
  receive(target: Uint8Array, offset: number = 0): number {
    checkBytes(target, 'target');
    requireInteger(offset, 'offset', 0, target.length);
    return this.queue.shift(target, offset, target.length - offset, this.origin);
  }

  /**
   * Returns and forgets the last error: what ICMP reported about a request, or that the stack was
   * closed.
   */
  takeError(): StackError | undefined {
    const error = this.#error;
    this.#error = undefined;
    return error;
  }

  /** Frees the identifier and the replies that were not read. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#state.echo.remove(this);
    this.queue.clear();
  }

  /**
   * @internal Replies are accepted from every address, because no other socket has this identifier.
   */
  accepts(): boolean {
    return !this.#isClosed;
  }

  /** @internal ICMP reports an error about a request. */
  fail(error: StackError): void {
    this.#error = error;
    this.#state.report(this);
  }

  /** @internal The stack was closed. */
  end(error: StackError): void {
    this.close();
    this.#error = error;
    this.#state.report(this);
  }

  #drop(): false {
    this.#state.drop('full-output-queue');
    return false;
  }
}

/** The longest ICMP message that fits into an IPv6 packet, in bytes. */
const MOST_TRANSPORT = 65_495;
const QUEUE_LIMIT = 212_992;
