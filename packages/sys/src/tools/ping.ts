/**
 * `ping`: sends ICMP echo requests, to find out whether an address answers, and how long the
 * answers take.
 *
 * @module
 */
import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { checkAddress, checkInteger, checkTimeout } from '../arguments.ts';
import { boottimeMs, realtimeMs } from '../clock.ts';
import { RawSocket, type ReceivedIcmp } from './raw-socket.ts';
import { SystemError } from '../system-error.ts';

/** Options of `ping`. */
export interface PingOptions {
  /** How many requests are sent. Default 3. */
  count?: number;
  /** Ms from one request to the next, which does not wait for an answer. Default 100. */
  intervalMs?: number;
  /** How long an answer may take, in ms. Default 1000. */
  timeoutMs?: number;
  /** Bytes after the ICMP header. Default 56. */
  size?: number;
}

/** The outcome of a series of echo requests. */
export interface PingResult {
  sent: number;
  /** How many answers came in time and had the same bytes as the request. */
  received: number;
  /** Round-trip times in ms, in the order of arrival. */
  rttsMs: number[];
  /** The errno of the last request that could not be sent: 'ENETUNREACH', 'ENOKEY'. */
  sendError?: string;
}

/**
 * Sends echo requests from the network namespace that the calling thread is in at the time of the
 * call. Waits for answers on the event loop, which is never blocked.
 *
 * @param address 4 or 16 bytes, borrowed until the promise settles
 * @throws {SystemError} (rejects) EPERM: no CAP_NET_RAW
 */
export async function ping(address: Uint8Array, options: PingOptions = {}): Promise<PingResult> {
  const { count = 3, intervalMs = 100, timeoutMs = 1000, size = 56 } = options;
  checkAddress('address', address);
  checkInteger('count', count, 1, 65_536);
  checkTimeout('intervalMs', intervalMs);
  checkTimeout('timeoutMs', timeoutMs);
  checkInteger('size', size, 0, LONGEST_SIZE);
  const series = new EchoSeries(address, size);
  try {
    const start = boottimeMs();
    for (;;) {
      const elapsed = boottimeMs() - start;
      while (series.sent < count && elapsed >= series.sent * intervalMs) series.send();
      series.collect(timeoutMs);
      const over = elapsed >= (count - 1) * intervalMs + timeoutMs;
      if (series.sent === count && (series.received === count || over)) return series.result();
      await delay(LOOK_INTERVAL_MS);
    }
  } finally {
    series.close();
  }
}

/** The requests of one call and their answers. */
class EchoSeries {
  sent = 0;
  received = 0;
  readonly #socket: RawSocket;
  readonly #address: Uint8Array;
  /** The request. Its identifier distinguishes it from the requests of other pings. */
  readonly #request: Uint8Array;
  /**
   * By sequence number, the Unix time in ms when the request was sent. Deleted when the request is
   * answered.
   */
  readonly #sentMs = new Map<number, number>();
  readonly #rttsMs: number[] = [];
  #sendError: string | undefined;

  constructor(address: Uint8Array, size: number) {
    const v4 = address.length === 4;
    this.#socket = new RawSocket(v4 ? 4 : 6, [v4 ? ECHO_REPLY_V4 : ECHO_REPLY_V6]);
    this.#address = address;
    this.#request = new Uint8Array(ECHO_HEADER_LENGTH + size).map((_, i) => i);
    this.#request.set([v4 ? ECHO_REQUEST_V4 : ECHO_REQUEST_V6, 0]);
    viewOf(this.#request).setUint16(4, randomInt(0x10000));
  }

  send(): void {
    const sequence = this.sent++ & 0xffff;
    const view = viewOf(this.#request);
    view.setUint16(6, sequence);
    view.setUint16(2, 0);
    if (this.#socket.family === 4) view.setUint16(2, internetChecksum(this.#request));
    this.#sentMs.set(sequence, realtimeMs());
    try {
      this.#socket.send(this.#request, this.#address);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#sendError = error.errno;
    }
  }

  /** Takes all answers that have arrived. */
  collect(timeoutMs: number): void {
    for (;;) {
      const reply = this.#socket.receive();
      if (!reply) return;
      if (!this.#isAnswer(reply)) continue;
      const sequence = viewOf(reply.message).getUint16(6);
      const rttMs = reply.arrivedMs - (this.#sentMs.get(sequence) ?? NaN);
      // NaN: a duplicate, or an answer without a time stamp.
      if (!(rttMs <= timeoutMs)) continue;
      this.#sentMs.delete(sequence);
      this.received++;
      this.#rttsMs.push(Math.max(0, rttMs));
    }
  }

  result(): PingResult {
    const { sent, received } = this;
    const result: PingResult = { sent, received, rttsMs: this.#rttsMs };
    if (this.#sendError !== undefined) result.sendError = this.#sendError;
    return result;
  }

  close(): void {
    this.#socket.close();
  }

  #isAnswer({ message }: ReceivedIcmp): boolean {
    const request = this.#request;
    if (message.length !== request.length) return false;
    const sameIdentifier = message[4] === request[4] && message[5] === request[5];
    return (
      sameIdentifier && message.every((byte, i) => i < ECHO_HEADER_LENGTH || byte === request[i])
    );
  }
}

/** The checksum of RFC 1071 over all bytes. */
function internetChecksum(bytes: Uint8Array): number {
  const view = viewOf(bytes);
  let sum = 0;
  for (let i = 0; i + 1 < bytes.length; i += 2) sum += view.getUint16(i);
  if (bytes.length % 2 === 1) sum += view.getUint8(bytes.length - 1) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

const ECHO_REQUEST_V4 = 8;
const ECHO_REPLY_V4 = 0;
const ECHO_REQUEST_V6 = 128;
const ECHO_REPLY_V6 = 129;
/** u8 type | u8 code | u16 checksum | u16 identifier | u16 sequence, network order */
const ECHO_HEADER_LENGTH = 8;
/**
 * How often the socket is read, in ms. Round-trip times do not depend on this interval, because the
 * kernel adds time stamps to replies.
 */
const LOOK_INTERVAL_MS = 1;
/** The longest data of an echo request over IPv4, in bytes. */
const LONGEST_SIZE = 65_507;
