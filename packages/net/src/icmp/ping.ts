/**
 * `ping`: one echo request, and the time until its reply.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { checkInteger, checkObject } from '@litz/core/internals';
import type { EchoSocket } from '@litz/netstack';
import { abortError, codeOf, systemError } from '../errors.ts';
import { checkSignal } from '../on-abort.ts';
import type { SocketHost, SocketOwner } from '../socket-host.ts';

/** Options of `Network.ping`. */
export interface PingOptions {
  /** How many ms to wait for the reply. Default 5000. */
  readonly timeout?: number | undefined;
  /** How many bytes of data the request has. Default 56. */
  readonly size?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A reply. */
export interface PingReply {
  /** The address that sent the reply. */
  readonly address: string;
  readonly roundTripMs: number;
  /** The hop limit (TTL) of the reply when it arrived. */
  readonly ttl: number;
}

/**
 * Resolves when the reply is there.
 *
 * @param address an IP address, not a name
 * @throws {NetworkError} (rejects) `ETIMEDOUT`: no reply came; the text of the error names the
 *   peer. `EHOSTUNREACH`, `ENETUNREACH`: the address cannot be reached
 * @throws {Error} (rejects) `AbortError`
 */
export async function ping(
  host: SocketHost,
  address: string,
  options: PingOptions = {},
): Promise<PingReply> {
  checkObject(options, 'options', ['timeout', 'size', 'signal']);
  const { timeout = 5000, size = 56, signal } = options;
  checkInteger(timeout, 'timeout', 1, 2 ** 31 - 1);
  checkInteger(size, 'size', 0, 65_000);
  checkSignal(signal);
  if (signal?.aborted) throw abortError(signal);
  if (host.failure) throw host.failure;
  const reason = host.whyUnreachable(address);
  if (reason !== undefined) throw systemError('ENETUNREACH', 'ping', { address, reason });
  const socket = host.stack.openEcho();
  const wait = new EchoWait(socket, address, randomFillSync(Buffer.alloc(size)));
  const onAbort = (): void => wait.reject(abortError(signal!));
  signal?.addEventListener('abort', onAbort, { once: true });
  const timer = setTimeout(() => void wait.expire(host, timeout), timeout);
  host.add(socket, wait);
  try {
    wait.send();
    host.wake();
    return await wait.reply;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    host.remove(socket);
    socket.close();
  }
}

class EchoWait implements SocketOwner {
  readonly reply: Promise<PingReply>;
  reject!: (error: Error) => void;
  readonly #socket: EchoSocket;
  readonly #address: string;
  readonly #data: Uint8Array;
  readonly #sentAt = performance.now();
  #resolve!: (reply: PingReply) => void;

  constructor(socket: EchoSocket, address: string, data: Uint8Array) {
    this.#socket = socket;
    this.#address = address;
    this.#data = data;
    this.reply = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.reject = reject;
    });
  }

  send(): void {
    try {
      this.#socket.send(this.#address, 1, this.#data);
    } catch (error) {
      this.reject(systemError(codeOf(error), 'ping', { address: this.#address }));
    }
  }

  handleChange(): void {
    const error = this.#socket.takeError();
    if (error) this.reject(systemError(error.code, 'ping', { address: this.#address }));
    const data = Buffer.alloc(this.#data.length);
    for (let n = this.#socket.receive(data); n >= 0; n = this.#socket.receive(data)) {
      const { address, hopLimit, length } = this.#socket.origin;
      if (length !== this.#data.length || !data.equals(this.#data)) continue;
      const roundTripMs = performance.now() - this.#sentAt;
      this.#resolve({ address: address.toString(), roundTripMs, ttl: hopLimit });
    }
  }

  handleFailure(reason: Error): void {
    this.reject(reason);
  }

  async expire(host: SocketHost, ms: number): Promise<void> {
    const address = this.#address;
    const peer = await host.describePeer(address);
    const reason = `no reply through ${peer === undefined ? 'any peer' : `the peer ${peer}`} within ${ms} ms`;
    this.reject(systemError('ETIMEDOUT', 'ping', { address, reason }));
  }
}
