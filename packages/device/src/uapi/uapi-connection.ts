/**
 * `UapiConnection`: one client of the UAPI socket.
 *
 * Requests are answered in order, and none is read while one is answered. An answer is sent as fast as
 * the client reads it, and read from the device no faster. The client may close its writing side
 * behind its last request: it is answered, and then the connection ends.
 *
 * A connection on which changes are followed is for that alone. It may be quiet for as long as nothing
 * changes, and ends when the client closes its writing side or sends anything more.
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
import type { RequestHolder, RequestMemory } from './request-memory.ts';
import type { FeedReader, PeerFeed } from './peer-feed.ts';
import {
  answerChanges,
  answerGet,
  answerSet,
  type OnRefused,
  type UapiTarget,
} from './uapi-answers.ts';

export interface UapiConnectionOptions {
  readonly target: UapiTarget;
  /** Of the target's peers; undefined where it tells nothing of them. */
  readonly feed: PeerFeed | undefined;
  /** Of one request. */
  readonly maxRequestLength: number;
  /** For the requests of all connections. */
  readonly memory: RequestMemory;
  /** A request that stands still for so long is given up, and so is an answer that nobody reads. */
  readonly idleTimeoutMs: number;
  /** Runs `set` requests of all connections one after the other. */
  readonly inTurn: (set: () => Promise<string>) => Promise<string>;
  readonly onRefused: OnRefused;
  readonly onClose: (connection: UapiConnection) => void;
}

export class UapiConnection implements RequestHolder {
  readonly #socket: Socket;
  readonly #options: UapiConnectionOptions;
  readonly #splitter: RequestSplitter;
  #state: 'reads' | 'asks' | 'writes' = 'reads';
  /** Of what changes, while that is followed. */
  #reader: FeedReader | undefined = undefined;
  #isEnded = false;
  #hasAsked = false;
  #isRefused = false;
  /** Of requests that have come and are not answered yet. */
  #pendingBytes = 0;
  #usedAt: number = performance.now();
  /** What waits for the client to read. */
  #written: () => void = () => {};
  /** Requests are answered one after the other. */
  #work: Promise<void> = Promise.resolve();

  constructor(socket: Socket, options: UapiConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#splitter = new RequestSplitter({ maxLength: options.maxRequestLength });
    socket.setTimeout(options.idleTimeoutMs, () => this.#stoodStill());
    socket.on('close', () => this.#closed());
    // Whoever hangs up while we answer has no use for it.
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      if (this.#reader) {
        wipe(bytes);
        this.close();
        return;
      }
      const requests = this.#splitter.push(bytes);
      // They may have held keys.
      wipe(bytes);
      this.#take(requests);
    });
    socket.on('end', () => {
      this.#reader?.close();
      this.#take(this.#splitter.end());
      void this.#work.then(() => this.#end());
    });
  }

  get unfinishedBytes(): number {
    return this.#splitter.heldBytes;
  }

  /** For how long nothing has happened on it, in ms; 0 while it is answered. */
  get quietMs(): number {
    return this.#state === 'reads' || this.#isEnded ? performance.now() - this.#usedAt : 0;
  }

  refuseUnfinished(): void {
    const text = 'the requests of all clients that have not come to their end take too much memory';
    this.#options.onRefused(new UapiError(UAPI_ERRNO.ENOMEM, text));
    this.#isRefused = true;
    this.#splitter.drop();
    this.#holdMemory();
    if (this.#state === 'reads') this.#end();
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Answers them, and reads no more until then. */
  #take(requests: readonly UapiRequest[]): void {
    this.#usedAt = performance.now();
    if (requests.length === 0) {
      this.#holdMemory();
      return;
    }
    this.#socket.pause();
    this.#work = this.#work.then(() => this.#answerAll(requests));
    void this.#work.then(() => this.#socket.resume());
  }

  async #answerAll(requests: readonly UapiRequest[]): Promise<void> {
    this.#state = 'asks';
    this.#pendingBytes = requests.reduce((sum, request) => sum + bytesOf(request), 0);
    this.#holdMemory();
    for (const request of requests) {
      if (this.#socket.destroyed) break;
      await this.#answer(request);
      if (request.operation === 'invalid') this.#end();
    }
    this.#pendingBytes = 0;
    this.#holdMemory();
    if (this.#isEnded) return;
    this.#state = 'reads';
    this.#hasAsked = true;
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
    } else if (request.operation === 'changes') {
      await this.#follow(request.cursor);
    } else if (request.errno !== undefined) {
      await this.#write(formatErrnoResponse(request.errno));
    }
  }

  /** Comes back when the client wants no more. */
  async #follow(cursor: number): Promise<void> {
    const { target, feed, onRefused } = this.#options;
    this.#reader = feed?.open();
    if (this.#reader) {
      // Only so is it heard that the client goes.
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

  /** Comes back when the client has taken it, or is gone. */
  async #write(text: string): Promise<void> {
    if (this.#socket.destroyed) return;
    this.#state = 'writes';
    await new Promise<void>((resolve) => {
      this.#written = resolve;
      this.#socket.write(text, 'latin1', () => resolve());
    });
    this.#state = 'asks';
  }

  /**
   * Nothing more is answered. What the client still sends is read and thrown away: a client that
   * cannot get rid of its request would not read why it was refused.
   */
  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#splitter.drop();
    this.#holdMemory();
    if (this.#isRefused) this.#socket.end(formatErrnoResponse(UAPI_ERRNO.ENOMEM), 'latin1');
    else this.#socket.end();
  }

  /** Nothing was read or written for a while. Between two requests a client may take its time. */
  #stoodStill(): void {
    if (this.#isEnded || this.#state === 'writes') this.close();
    else if (this.#state === 'asks') return;
    else if (this.#splitter.isUnfinished) this.#giveUp();
    else if (!this.#hasAsked) this.close();
  }

  /** The rest of a request did not come. */
  #giveUp(): void {
    const text = 'a client began a request and did not end it';
    this.#options.onRefused(new UapiError(UAPI_ERRNO.EIO, text));
    this.#isEnded = true;
    this.#splitter.drop();
    this.#holdMemory();
    this.#socket.end(formatErrnoResponse(UAPI_ERRNO.EIO), 'latin1', () => this.close());
  }

  #closed(): void {
    this.#isEnded = true;
    this.#reader?.close();
    this.#written();
    this.#splitter.drop();
    this.#holdMemory();
    this.#options.onClose(this);
  }

  #holdMemory(): void {
    this.#options.memory.hold(this, this.#splitter.heldBytes + this.#pendingBytes);
  }
}

function bytesOf(request: UapiRequest): number {
  return request.operation === 'set' ? request.body.length : 0;
}
