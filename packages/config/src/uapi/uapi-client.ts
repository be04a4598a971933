/**
 * `UapiClient`: asks and tells a WireGuard daemon over its socket: Litz, wireguard-go, boringtun.
 *
 * ```ts
 * const client = UapiClient.of('wg0');
 * const { listenPort, peers } = await client.get();
 * await client.set({ listenPort: 51820 });
 * ```
 * Where all daemons have their sockets, `of` asks nobody if the folder is one that another user can put
 * a socket into (`untrustedFolder`): a `set` has private keys in it. Who names a path of their own
 * vouches for it.
 *
 * @module
 */
import { createConnection } from 'node:net';
import { dirname } from 'node:path';
import { wipe, WireGuardError } from '@litz/core';
import type { DeviceChange } from '../device-change.ts';
import type { DeviceStatus } from '../device-configuration.ts';
import { parseErrnoResponse, parseGetResponse } from './get-response.ts';
import { formatSetRequest } from './set-request.ts';
import { UAPI_ERRNO, UapiError } from './uapi-error.ts';
import { untrustedFolder } from './untrusted-folder.ts';

export interface UapiClientOptions {
  /** Gives up when nothing came for so long; default 5 s. */
  timeoutMs?: number;
  /** Bytes of an answer; default 256 MiB. */
  maxResponseLength?: number;
}

/** Each request has a connection of its own, so that a client has nothing to close. */
export class UapiClient {
  readonly path: string;
  readonly #timeoutMs: number;
  readonly #maxResponseLength: number;
  #checksFolder = false;

  /** @param path of the Unix socket */
  constructor(path: string, options: UapiClientOptions = {}) {
    this.path = path;
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#maxResponseLength = options.maxResponseLength ?? DEFAULT_MAX_RESPONSE_LENGTH;
  }

  /** The daemon of an interface, where all of them have their socket. */
  static of(interfaceName: string, options: UapiClientOptions = {}): UapiClient {
    const client = new UapiClient(`${SOCKET_DIRECTORY}/${interfaceName}.sock`, options);
    client.#checksFolder = true;
    return client;
  }

  /**
   * @throws {UapiError} what the daemon answered, or `EIO`: it could not be asked (`cause` says why)
   * @throws {WireGuardError} `ERR_LITZ_TIMEOUT`
   */
  async get(): Promise<DeviceStatus> {
    return parseGetResponse(await this.#ask('get=1\n\n'));
  }

  /**
   * Litz takes all of it or nothing; wireguard-go what comes before a mistake. It is checked here
   * before the daemon is asked.
   *
   * @throws {TypeError | RangeError | WireGuardError} a field that is wrong, by its name
   * @throws {UapiError} what the daemon answered, or `EIO`: it could not be asked (`cause` says why)
   * @throws {WireGuardError} `ERR_LITZ_TIMEOUT`
   */
  async set(change: DeviceChange): Promise<void> {
    parseErrnoResponse(await this.#ask(formatSetRequest(change)));
  }

  async #ask(request: string): Promise<string> {
    const { path } = this;
    const reason = this.#checksFolder ? untrustedFolder(dirname(path)) : undefined;
    if (reason !== undefined) throw notAsked(path, reason);
    return new Promise((resolve, reject) => {
      const socket = createConnection(path);
      const fail = (error: Error): void => {
        socket.destroy();
        reject(error);
      };
      const answer = new Answer(this.#maxResponseLength);
      socket.setTimeout(this.#timeoutMs, () => fail(this.#timedOut()));
      socket.on('error', (cause) => fail(notAsked(path, cause.message, cause)));
      socket.on('close', () => fail(notAsked(path, 'the connection was closed')));
      socket.on('data', (bytes) => {
        if (!answer.push(bytes)) return fail(notAsked(path, 'the answer is too long'));
        if (!answer.isWhole()) return undefined;
        resolve(answer.text());
        return socket.destroy();
      });
      socket.write(request, 'latin1');
    });
  }

  #timedOut(): WireGuardError {
    const text = `${this.path}: no answer for ${this.#timeoutMs} ms`;
    return new WireGuardError('ERR_LITZ_TIMEOUT', text);
  }
}

/** What has come of an answer; an empty line ends it. */
class Answer {
  readonly #maxLength: number;
  readonly #pieces: Buffer[] = [];
  #length = 0;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /** False if that is too much. */
  push(bytes: Buffer): boolean {
    this.#pieces.push(bytes);
    this.#length += bytes.length;
    return this.#length <= this.#maxLength;
  }

  isWhole(): boolean {
    return this.#byteFromEnd(1) === LINE_FEED && this.#byteFromEnd(2) === LINE_FEED;
  }

  text(): string {
    const whole = Buffer.concat(this.#pieces);
    try {
      return whole.toString('latin1');
    } finally {
      wipe(whole, ...this.#pieces);
    }
  }

  /** The last two bytes may have come in two pieces. */
  #byteFromEnd(distance: number): number | undefined {
    const last = this.#pieces.at(-1);
    if (!last) return undefined;
    if (last.length >= distance) return last[last.length - distance];
    return this.#pieces.at(-2)?.at(last.length - distance);
  }
}

function notAsked(path: string, reason: string, cause?: Error): UapiError {
  return new UapiError(UAPI_ERRNO.EIO, `${path}: ${reason}`, cause ? { cause } : {});
}

const SOCKET_DIRECTORY = '/var/run/wireguard';
const DEFAULT_TIMEOUT_MS = 5000;
const DEFAULT_MAX_RESPONSE_LENGTH: number = 256 * 1024 * 1024;
const LINE_FEED = 0x0a;
