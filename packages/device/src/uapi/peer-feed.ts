/**
 * `PeerFeed`: keeps the last changes of a device's peers, numbered, for all readers that follow
 * them.
 *
 * The feed listens to the device while there is a reader, and `keptMs` longer, so that a reader can
 * continue from its cursor on another connection. Each change is written once into a ring, and each
 * reader takes it from the ring when the reader has time. So the cost of a change does not depend
 * on the number of readers. If the ring has overwritten changes that a slow reader has not yet
 * taken, `since` returns undefined.
 *
 * @module
 */
import { randomInt } from 'node:crypto';
import type { ChangedPeer } from '@litz/config';

/** Calls the listener with each change until the returned function is called. */
export type FollowPeers = (listener: (peer: ChangedPeer) => void) => () => void;

export interface PeerFeedOptions {
  /** How many changes are kept. Default 16,384. */
  readonly capacity?: number;
  /** How many readers may follow at the same time. Default 64. */
  readonly maxReaders?: number;
  /**
   * How long the feed listens to the device after the last reader has left, in ms. Default 10 s.
   */
  readonly keptMs?: number;
  /**
   * Returns the first cursor of a feed. It must be far away from the cursors of earlier feeds.
   * Default: a random number.
   */
  readonly firstCursor?: () => number;
}

export class PeerFeed {
  readonly #follow: FollowPeers;
  readonly #capacity: number;
  readonly #maxReaders: number;
  readonly #keptMs: number;
  readonly #firstCursor: () => number;
  readonly #readers: Set<FeedReader> = new Set();
  /** The change with cursor n is stored at index n modulo the capacity. */
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
    // A reader may come with the cursor of an earlier feed, for instance from before a restart of
    // the process. Each feed starts at a random number, so it does not have that cursor. If it
    // started at the present time, it could have that cursor, because the clock can go back.
    this.#firstCursor = options.firstCursor ?? (() => randomInt(1, LARGEST_RANDOM));
  }

  /** The cursor of the last change. */
  get cursor(): number {
    return this.#cursor;
  }

  /** Adds a reader. Returns undefined if there are `maxReaders` already. */
  open(): FeedReader | undefined {
    if (this.#readers.size >= this.#maxReaders) return undefined;
    clearTimeout(this.#timer);
    if (!this.#unfollow) this.#begin();
    const reader = new FeedReader(this, () => this.#closed(reader));
    this.#readers.add(reader);
    return reader;
  }

  /**
   * Returns the changes after a cursor, oldest first, at most `most` of them.
   *
   * @returns undefined if the feed does not have all changes after this cursor
   */
  since(cursor: number, most: number): ChangedPeer[] | undefined {
    const oldest = Math.max(this.#start, this.#cursor - this.#capacity);
    if (cursor < oldest || cursor > this.#cursor) return undefined;
    const changes: ChangedPeer[] = [];
    const end = Math.min(this.#cursor, cursor + most);
    for (let at = cursor + 1; at <= end; at++) changes.push(this.#ring[at % this.#capacity]!);
    return changes;
  }

  /** Closes all readers and stops listening to the device. */
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

/** One reader that follows the changes. */
export class FeedReader {
  readonly feed: PeerFeed;
  readonly #onClose: () => void;
  #isClosed = false;
  #wake: () => void = () => {};

  constructor(feed: PeerFeed, onClose: () => void) {
    this.feed = feed;
    this.#onClose = onClose;
  }

  /**
   * Resolves to true when there are changes after this cursor, and to false when the reader was
   * closed.
   */
  async changed(cursor: number): Promise<boolean> {
    while (!this.#isClosed && this.feed.cursor === cursor) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return !this.#isClosed;
  }

  /** Must be called when there is a new change. */
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

/**
 * The largest limit that `randomInt` accepts. Cursors can be counted up to 2^53, which is far more.
 */
const LARGEST_RANDOM: number = 2 ** 48 - 1;
const DEFAULT_CAPACITY = 16_384;
const DEFAULT_MAX_READERS = 64;
const DEFAULT_KEPT_MS = 10_000;
