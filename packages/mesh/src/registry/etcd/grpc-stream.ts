/**
 * `GrpcStream`: messages in both directions within one call. The reader sets the pace: messages
 * that are not read wait at the server.
 *
 * @module
 */
import { constants, type ClientHttp2Stream } from 'node:http2';
import { quote } from '@litz/core/internals';
import { EtcdError, GRPC_CODES } from './etcd-error.ts';
import { frameOf, FrameReader } from './grpc-frames.ts';

export class GrpcStream {
  readonly #stream: ClientHttp2Stream;
  readonly #frames = new FrameReader();
  readonly #messages: Uint8Array[] = [];
  #error: EtcdError | undefined;
  #isEnded = false;
  #wake: () => void = () => {};

  /** @param errorOf returns the error in headers or trailers; undefined if there is none */
  constructor(
    stream: ClientHttp2Stream,
    errorOf: (headers: Readonly<Record<string, unknown>>) => EtcdError | undefined,
  ) {
    this.#stream = stream;
    const headers = (received: Readonly<Record<string, unknown>>): void => {
      const status = received[':status'];
      const refused = status !== undefined && status !== 200;
      const error = errorOf(received);
      if (error) this.#error ??= error;
      else if (refused) this.#fail(`the server answered with HTTP status ${Number(status)}`);
      else if (status !== undefined && !isGrpc(received)) {
        this.#fail(`the server answered with ${shownType(received)}: it is not etcd`);
        stream.destroy();
      }
    };
    stream.on('response', headers);
    stream.on('trailers', headers);
    stream.on('data', (piece: Uint8Array) => this.#receive(piece));
    stream.on('error', (error: Error) => this.#fail(error.message, error));
    stream.once('close', () => {
      this.#isEnded = true;
      this.#wake();
    });
  }

  send(message: Uint8Array): void {
    if (!this.#stream.writable) return;
    this.#stream.write(frameOf(message));
  }

  /** Ends the sending direction. */
  end(): void {
    if (this.#stream.writable) this.#stream.end();
  }

  /**
   * Returns the next message; undefined if the server has ended the stream without an error.
   *
   * @throws {EtcdError} the stream has failed
   */
  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const message = this.#messages.shift();
      if (message) {
        if (this.#messages.length === 0) this.#stream.resume();
        return message;
      }
      if (this.#error && this.#isEnded) throw this.#error;
      if (this.#isEnded) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(): void {
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  #receive(piece: Uint8Array): void {
    try {
      this.#messages.push(...this.#frames.push(piece));
    } catch (error) {
      this.#fail((error as Error).message, error);
      this.#stream.destroy();
      return;
    }
    if (this.#messages.length === 0) return;
    this.#stream.pause();
    this.#wake();
  }

  #fail(message: string, cause?: unknown): void {
    this.#error ??=
      cause instanceof EtcdError
        ? cause
        : new EtcdError(GRPC_CODES.unavailable, message, { cause });
    this.#wake();
  }
}

function isGrpc(headers: Readonly<Record<string, unknown>>): boolean {
  return String(headers['content-type']).startsWith('application/grpc');
}

function shownType(headers: Readonly<Record<string, unknown>>): string {
  const type = headers['content-type'];
  return type === undefined ? 'no content type' : `the content type ${quote(type)}`;
}
