/**
 * `UapiConnection`: one client of the UAPI socket.
 *
 * Requests are answered in order. While a request is answered, no other one is read. An answer is
 * read from the device only as fast as the client reads it. A client may close its writing side
 * after its last request: the request is answered, and then the connection ends.
 *
 * A connection that follows changes or captures packets does nothing else. It may be quiet as long
 * as nothing happens. If the client sends more bytes, the connection is closed at once. It also
 * ends when the client closes its writing side, but then a capture is first sent to its end.
 *
 * @module
 */
import type { Socket } from 'node:net';
import { wipe } from '@litz/core/internals';
import {
  formatErrnoResponse,
  RequestSplitter,
  UAPI_ERRNO,
  UapiError,
  type UapiRequest,
} from '@litz/config';
import type { RequestOwner, RequestMemory } from './request-memory.ts';
import type { FeedReader, PeerFeed } from './peer-feed.ts';
import { UapiCapture } from './uapi-capture.ts';
import {
  answerChanges,
  answerGet,
  answerSet,
  type OnRefused,
  type UapiTarget,
} from './uapi-answers.ts';

export interface UapiConnectionOptions {
  readonly target: UapiTarget;
  /** The feed of the target's peers; undefined if the target does not report changes. */
  readonly feed: PeerFeed | undefined;
  /** Longest request in bytes. */
  readonly maxRequestLength: number;
  /** Shared by all connections. */
  readonly memory: RequestMemory;
  /**
   * After this time without progress, in ms, an incomplete request is given up, and so is an answer
   * that the client does not read.
   */
  readonly idleTimeoutMs: number;
  /** Runs the `set` requests of all connections one after the other. */
  readonly inTurn: (set: () => Promise<string>) => Promise<string>;
  readonly onRefused: OnRefused;
  readonly onClose: (connection: UapiConnection) => void;
}

export class UapiConnection implements RequestOwner {
  readonly #socket: Socket;
  readonly #options: UapiConnectionOptions;
  readonly #splitter: RequestSplitter;
  #state: 'reads' | 'answers' | 'writes' = 'reads';
  /** The reader of changes, while the client follows them. */
  #reader: FeedReader | undefined = undefined;
  /** Set while the client captures packets. */
  #capture: UapiCapture | undefined = undefined;
  #isEnded = false;
  #hasRequested = false;
  #isRefused = false;
  /** Bytes of requests that have arrived and are not yet answered. */
  #pendingBytes = 0;
  #usedAt: number = performance.now();
  /** Resolves the promise of a write that waits for the client to read. */
  #onWritten: () => void = () => {};
  /** The answers in progress. Requests are answered one after the other. */
  #work: Promise<void> = Promise.resolve();

  constructor(socket: Socket, options: UapiConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#splitter = new RequestSplitter({ maxLength: options.maxRequestLength });
    socket.setTimeout(options.idleTimeoutMs, () => this.#handleTimeout());
    socket.on('close', () => this.#handleClose());
    // An error means that the client hung up during an answer. The 'close' event follows.
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      if (this.#reader || this.#capture) {
        wipe(bytes);
        this.close();
        return;
      }
      const requests = this.#splitter.push(bytes);
      // The bytes may contain keys.
      wipe(bytes);
      this.#take(requests);
    });
    socket.on('end', () => {
      this.#reader?.close();
      this.#capture?.stop();
      this.#take(this.#splitter.end());
      void this.#work.then(() => this.#end());
    });
  }

  get unfinishedBytes(): number {
    return this.#splitter.pendingBytes;
  }

  /** How long nothing has happened on this connection, in ms; 0 while a request is answered. */
  get quietMs(): number {
    return this.#state === 'reads' || this.#isEnded ? performance.now() - this.#usedAt : 0;
  }

  /**
   * Whether a request is being read or answered, or the client has just connected. A client that
   * follows changes is not busy.
   */
  get isBusy(): boolean {
    if (this.#reader || this.#isEnded) return false;
    if (this.#state !== 'reads' || this.unfinishedBytes > 0) return true;
    return !this.#hasRequested && this.quietMs < NEW_CLIENT_MS;
  }

  refuseUnfinished(): void {
    const text = 'the incomplete requests of all clients take too much memory';
    this.#options.onRefused(new UapiError(UAPI_ERRNO.ENOMEM, text));
    this.#isRefused = true;
    this.#splitter.drop();
    this.#countMemory();
    if (this.#state === 'reads') this.#end();
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Whether a capture is sent. */
  get isCapturing(): boolean {
    return this.#capture !== undefined && !this.#isEnded;
  }

  /**
   * Ends a capture as its client would: the answer ends with what was recorded before.
   *
   * @param reason for the client
   */
  stopCapture(reason: string): void {
    this.#capture?.stop(reason);
  }

  /** Answers the requests, and reads nothing more until all are answered. */
  #take(requests: readonly UapiRequest[]): void {
    this.#usedAt = performance.now();
    if (requests.length === 0) {
      this.#countMemory();
      return;
    }
    this.#socket.pause();
    this.#work = this.#work.then(() => this.#answerAll(requests));
    void this.#work.then(() => this.#socket.resume());
  }

  async #answerAll(requests: readonly UapiRequest[]): Promise<void> {
    this.#state = 'answers';
    this.#pendingBytes = requests.reduce((sum, request) => sum + bytesOf(request), 0);
    this.#countMemory();
    for (const request of requests) {
      if (this.#socket.destroyed) break;
      await this.#answer(request);
      if (request.operation === 'invalid') this.#end();
    }
    this.#pendingBytes = 0;
    this.#countMemory();
    if (this.#isEnded) return;
    this.#state = 'reads';
    this.#hasRequested = true;
    this.#usedAt = performance.now();
    if (this.#isRefused) this.#end();
  }

  async #answer(request: UapiRequest): Promise<void> {
    const { target, inTurn, onRefused } = this.#options;
    if (request.operation === 'set') {
      await this.#write(await inTurn(() => answerSet(target, request.body, onRefused)));
    } else if (request.operation === 'get') {
      for await (const piece of answerGet(target, onRefused, request)) {
        await this.#write(piece);
        if (this.#socket.destroyed) return;
      }
    } else if (request.operation === 'capture') {
      await this.#record(request.body);
    } else if (request.operation === 'changes') {
      await this.#follow(request.cursor);
    } else if (request.errno !== undefined) {
      await this.#write(formatErrnoResponse(request.errno));
    }
  }

  /** Sends changes. Resolves when the connection has ended. */
  async #follow(cursor: number): Promise<void> {
    const { target, feed, onRefused } = this.#options;
    this.#reader = feed?.open();
    if (this.#reader) {
      // The socket must be read: only a read shows that the client has ended.
      this.#socket.resume();
      for await (const piece of answerChanges(target, this.#reader, cursor, onRefused)) {
        await this.#write(piece);
        if (this.#socket.destroyed) break;
      }
      this.#reader.close();
    } else {
      await this.#write(formatErrnoResponse(feed ? UAPI_ERRNO.EBUSY : UAPI_ERRNO.EINVAL));
    }
    this.#end();
  }

  /** Sends captured packets. Resolves when the connection has ended. */
  async #record(body: string): Promise<void> {
    const { target, onRefused } = this.#options;
    this.#capture = new UapiCapture(target, onRefused);
    // The memory for packets is bounded, so a client may take as much time as it likes.
    this.#socket.setTimeout(0);
    this.#socket.resume();
    await this.#capture.answer(body, this.#socket, (bytes) => this.#write(bytes));
    this.#end();
  }

  /** Resolves when the client has taken the bytes, or is gone. A text is sent as latin1. */
  async #write(text: string | Uint8Array): Promise<void> {
    if (this.#socket.destroyed) return;
    this.#state = 'writes';
    await new Promise<void>((resolve) => {
      this.#onWritten = resolve;
      const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
      this.#socket.write(bytes, () => resolve());
    });
    this.#state = 'answers';
  }

  /**
   * Ends the connection without answering anything more. Bytes that the client still sends are read
   * and discarded: a client that cannot send all of its request would not read why it was refused.
   */
  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#splitter.drop();
    this.#countMemory();
    if (this.#isRefused) this.#socket.end(formatErrnoResponse(UAPI_ERRNO.ENOMEM), 'latin1');
    else this.#socket.end();
  }

  /**
   * Called after `idleTimeoutMs` without a byte. Between two requests a client may be quiet for as
   * long as it likes.
   */
  #handleTimeout(): void {
    if (this.#isEnded || this.#state === 'writes') this.close();
    else if (this.#state === 'answers') return;
    else if (this.#splitter.isUnfinished) this.#giveUp();
    else if (!this.#hasRequested) this.close();
  }

  /** Refuses a request whose rest did not arrive. */
  #giveUp(): void {
    const text = 'a client began a request and did not complete it';
    this.#options.onRefused(new UapiError(UAPI_ERRNO.EIO, text));
    this.#isEnded = true;
    this.#splitter.drop();
    this.#countMemory();
    this.#socket.end(formatErrnoResponse(UAPI_ERRNO.EIO), 'latin1', () => this.close());
  }

  #handleClose(): void {
    this.#isEnded = true;
    this.#reader?.close();
    this.#capture?.stop();
    this.#onWritten();
    this.#splitter.drop();
    this.#countMemory();
    this.#options.onClose(this);
  }

  #countMemory(): void {
    this.#options.memory.setUsed(this, this.#splitter.pendingBytes + this.#pendingBytes);
  }
}

function bytesOf(request: UapiRequest): number {
  return 'body' in request ? request.body.length : 0;
}

/** In ms. A client that connected less than this long ago will probably send a request soon. */
const NEW_CLIENT_MS = 100;
