/**
 * `PeerFeed`: the last changes of a device's peers, numbered, for all who follow them.
 *
 * The device is listened to while somebody follows, and a little longer, so that a reader can go on
 * from its cursor on another connection. A change costs the same however many readers there are: it is
 * laid into a ring, and each reader takes it from there when it has time. A reader that comes after the
 * ring went round has missed something, and is told so.
 *
 * @module
 */
import type { ChangedPeer } from '@litz/config';

/** Calls the listener with each change until the function that is returned is called. */
export type FollowPeers = (listener: (peer: ChangedPeer) => void) => () => void;

export interface PeerFeedOptions {
  /** Changes that are kept; default 16,384. */
  readonly capacity?: number;
  /** Who follow at once; default 64. */
  readonly maxReaders?: number;
  /** For how long the device is listened to behind the last reader; default 10 s. */
  readonly keptMs?: number;
  /** Of the first change; a later feed has higher ones. Default: by the clock. */
  readonly firstCursor?: () => number;
}

export class PeerFeed {
  readonly #follow: FollowPeers;
  readonly #capacity: number;
  readonly #maxReaders: number;
  readonly #keptMs: number;
  readonly #firstCursor: () => number;
  readonly #readers: Set<FeedReader> = new Set();
  /** The change that made cursor n stands at n modulo the capacity. */
  #ring: ChangedPeer[] = [];
  #start = 0;
  #cursor = 0;
  #unfollow: (() => void) | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(follow: FollowPeers, options: PeerFeedOptions = {}) {
    this.#follow = follow;
    this.#capacity = options.capacity ?? DEFAULT_CAPACITY;
    this.#maxReaders = options.maxReaders ?? DEFAULT_MAX_READERS;
    this.#keptMs = options.keptMs ?? DEFAULT_KEPT_MS;
    // No earlier feed of this socket can have given it away: nothing changes a million times a second.
    this.#firstCursor = options.firstCursor ?? (() => Date.now() * 1000);
  }

  /** Of the last change. */
  get cursor(): number {
    return this.#cursor;
  }

  /** Undefined if too many follow already. */
  open(): FeedReader | undefined {
    if (this.#readers.size >= this.#maxReaders) return undefined;
    clearTimeout(this.#timer);
    if (!this.#unfollow) this.#begin();
    const reader = new FeedReader(this, () => this.#closed(reader));
    this.#readers.add(reader);
    return reader;
  }

  /**
   * What happened since then, the older change first, no more than `most` of it.
   *
   * @returns undefined: that is not known (any more)
   */
  since(cursor: number, most: number): ChangedPeer[] | undefined {
    const oldest = Math.max(this.#start, this.#cursor - this.#capacity);
    if (cursor < oldest || cursor > this.#cursor) return undefined;
    const changes: ChangedPeer[] = [];
    const end = Math.min(this.#cursor, cursor + most);
    for (let at = cursor + 1; at <= end; at++) changes.push(this.#ring[at % this.#capacity]!);
    return changes;
  }

  /** Listens no more. */
  close(): void {
    clearTimeout(this.#timer);
    for (const reader of this.#readers) reader.close();
    clearTimeout(this.#timer);
    this.#end();
  }

  #begin(): void {
    this.#start = this.#firstCursor();
    this.#cursor = this.#start;
    this.#unfollow = this.#follow((peer) => {
      this.#ring[++this.#cursor % this.#capacity] = peer;
      for (const reader of this.#readers) reader.wake();
    });
  }

  #closed(reader: FeedReader): void {
    this.#readers.delete(reader);
    if (this.#readers.size > 0) return;
    this.#timer = setTimeout(() => this.#end(), this.#keptMs).unref();
  }

  #end(): void {
    this.#unfollow?.();
    this.#unfollow = undefined;
    this.#ring = [];
  }
}

/** One who follows. */
export class FeedReader {
  readonly feed: PeerFeed;
  readonly #onClose: () => void;
  #isClosed = false;
  #wake: () => void = () => {};

  constructor(feed: PeerFeed, onClose: () => void) {
    this.feed = feed;
    this.#onClose = onClose;
  }

  /** Resolves when something has happened behind this cursor, to false when the reader was closed. */
  async changed(cursor: number): Promise<boolean> {
    while (!this.#isClosed && this.feed.cursor === cursor) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return !this.#isClosed;
  }

  /** Something has happened. */
  wake(): void {
    this.#wake();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#onClose();
    this.#wake();
  }
}

const DEFAULT_CAPACITY = 16_384;
const DEFAULT_MAX_READERS = 64;
const DEFAULT_KEPT_MS = 10_000;
