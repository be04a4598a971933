/**
 * `RequestConnection`: one connection to a daemon. It carries one request at a time.
 *
 * @module
 */
import { createConnection, type Socket } from 'node:net';
import { WireGuardError } from '@litz/core';
import { explainFailure } from './connect-failure.ts';
import { ReceivedAnswer } from './received-answer.ts';
import { UAPI_ERRNO, UapiError } from './uapi-error.ts';

/** How long a connection waits, and how much it reads. */
export interface RequestLimits {
  /** How long to wait for the next byte, in ms. */
  readonly timeoutMs: number;
  /** Longest answer in bytes. */
  readonly maxResponseLength: number;
}

/** A connection that is open until `close`, or until the daemon closes it. */
export class RequestConnection {
  readonly #path: string;
  readonly #limits: RequestLimits;
  readonly #socket: Socket;
  #isClosed = false;
  /** The request that waits for its answer. */
  #waiting: Waiting | undefined = undefined;

  constructor(path: string, limits: RequestLimits) {
    this.#path = path;
    this.#limits = limits;
    const socket = createConnection(path);
    this.#socket = socket;
    socket.on('timeout', () => this.#fail(timeoutError(path, limits.timeoutMs)));
    socket.on('error', (cause) => this.#fail(connectionError(path, explainFailure(cause), cause)));
    socket.on('close', () => {
      if (this.#waiting) this.#fail(connectionError(path, 'the connection was closed'));
    });
    socket.on('data', (bytes) => this.#receive(bytes));
  }

  get isOpen(): boolean {
    return !this.#isClosed && this.#socket.writable;
  }

  /**
   * Sends a request and resolves with the answer. Until then, the caller must not send another
   * request.
   *
   * @throws {UapiError} (rejects) `EIO`: the daemon could not be reached (`cause` is the error), it
   *   has closed the connection, or its answer is too long
   * @throws {WireGuardError} (rejects) `ERR_LITZ_TIMEOUT`
   */
  ask(request: string): Promise<string> {
    const { timeoutMs, maxResponseLength } = this.#limits;
    return new Promise((resolve, reject) => {
      this.#waiting = { answer: new ReceivedAnswer(maxResponseLength), resolve, reject };
      this.#socket.ref();
      this.#socket.setTimeout(timeoutMs);
      this.#socket.write(request, 'latin1');
    });
  }

  /** Lets the process end while the connection waits for the next request. */
  rest(): void {
    this.#socket.setTimeout(0);
    this.#socket.unref();
  }

  close(): void {
    this.#isClosed = true;
    this.#socket.destroy();
  }

  #receive(bytes: Buffer): void {
    const waiting = this.#waiting;
    // A daemon sends nothing without a request, so these bytes cannot be an answer.
    if (!waiting) return this.close();
    const { answer, resolve } = waiting;
    if (!answer.push(bytes)) {
      return this.#fail(connectionError(this.#path, 'the answer is too long'));
    }
    if (!answer.isWhole()) return undefined;
    this.#waiting = undefined;
    return resolve(answer.takeText());
  }

  #fail(error: Error): void {
    this.close();
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }
}

interface Waiting {
  readonly answer: ReceivedAnswer;
  readonly resolve: (text: string) => void;
  readonly reject: (error: Error) => void;
}

/** Returns the error for a daemon that cannot be reached at this path. */
export function connectionError(path: string, reason: string, cause?: Error): UapiError {
  return new UapiError(UAPI_ERRNO.EIO, `${path}: ${reason}`, cause ? { cause } : {});
}

/** Returns the error for a daemon at this path that has not answered in time. */
export function timeoutError(path: string, timeoutMs: number): WireGuardError {
  return new WireGuardError('ERR_LITZ_TIMEOUT', `${path}: no answer for ${timeoutMs} ms`);
}
