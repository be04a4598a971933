/**
 * `OnRead`: the option `onread` of net.Socket. All received data is written into one buffer of the
 * program, so the stream allocates no memory for it.
 *
 * @module
 */
import { checkBytes, checkFunction, describe } from '@litz/core/internals';
import type { TcpSocket } from '@litz/netstack';

/** Receives the bytes of a socket instead of 'data' events. */
export interface OnReadOptions {
  /** The buffer, or a function that returns the buffer for the next bytes. */
  readonly buffer: Uint8Array | (() => Uint8Array);
  /**
   * Called with the number of bytes that were written from the beginning of `buffer` on. These
   * bytes are valid until the callback returns. If it returns false, reading pauses until `resume`.
   */
  callback(this: void, bytesWritten: number, buffer: Uint8Array): boolean | void;
}

export class OnRead {
  readonly #buffer: Uint8Array | (() => Uint8Array);
  readonly #callback: OnReadOptions['callback'];

  /** @throws {TypeError} an option has the wrong type; the message names it */
  constructor(options: OnReadOptions) {
    if (typeof options !== 'object' || options === null) {
      throw new TypeError(`"onread" expected an object, got ${describe(options)}`);
    }
    const { buffer, callback } = options;
    if (typeof buffer !== 'function') checkBytes(buffer, 'onread.buffer');
    checkFunction(callback, 'onread.callback');
    this.#buffer = buffer;
    this.#callback = callback;
  }

  /**
   * Passes received bytes to the program, as many as fit into its buffer.
   *
   * @returns the number of bytes, negated if the program wants to pause
   */
  take(tcp: TcpSocket): number {
    const buffer = typeof this.#buffer === 'function' ? this.#buffer() : this.#buffer;
    const count = tcp.receive(buffer, 0, Math.min(buffer.length, tcp.readable));
    return this.#callback.call(undefined, count, buffer) === false ? -count : count;
  }
}
