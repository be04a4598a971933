/**
 * `HandshakeQueue`: copies of handshake messages that wait to be processed.
 *
 * ```
 *               first of its source in a second   later ones of that source
 *  no mac2                 lane 0                        lane 1
 *  a mac2                  lane 2                        lane 3
 * ```
 * Each lane has its own limit, so that a flood in one lane takes no space from another. The queue
 * does not check whether a mac2 is right.
 *
 * @module
 */
import { HANDSHAKE_INITIATION_LENGTH } from '../constants.ts';
import type { Endpoint } from '../endpoint.ts';

/** The lanes of the queue. A repeated message is not the first of its source in this second. */
export const LANE = { FRESH: 0, REPEATED: 1, FRESH_MAC2: 2, REPEATED_MAC2: 3 } as const;
/** The number of a lane of the queue. */
export type Lane = (typeof LANE)[keyof typeof LANE];

/** A queued message with memory of its own. Give it back with `release`. */
export class WaitingMessage {
  readonly #memory = new Uint8Array(HANDSHAKE_INITIATION_LENGTH);
  message: Uint8Array = this.#memory;
  // Assigned before the object is handed out.
  source!: Endpoint;
  /** When the message arrived, in the milliseconds of `now`. */
  since = 0;
  /** The number of the message, counted from the first message of the queue. */
  sequence = 0;

  /** Copies `length` bytes at `offset`, at most the length of an initiation. */
  fill(buffer: Uint8Array, offset: number, length: number): void {
    if (this.message.length !== length) this.message = this.#memory.subarray(0, length);
    for (let i = 0; i < length; i++) this.#memory[i] = buffer[offset + i];
  }
}

export class HandshakeQueue {
  readonly #lanes = [FRESH_LIMIT, REPEATED_LIMIT, FRESH_LIMIT, REPEATED_LIMIT].map(
    (limit) => new Ring(limit),
  );
  readonly #free: WaitingMessage[] = [];
  #size = 0;
  #pushed = 0;

  /** How many messages wait in all lanes. */
  get size(): number {
    return this.#size;
  }

  /** The number of the message that was pushed last. */
  get lastSequence(): number {
    return this.#pushed;
  }

  /** How many messages wait in one lane. */
  sizeOf(lane: Lane): number {
    return this.#lanes[lane].size;
  }

  /** Copies a message into a lane. Returns false if the lane is full. */
  // oxlint-disable-next-line max-params -- called per message: an object would be garbage
  push(
    lane: Lane,
    buffer: Uint8Array,
    offset: number,
    length: number,
    source: Endpoint,
    now: number,
  ): boolean {
    const ring = this.#lanes[lane];
    if (ring.isFull) return false;
    const waiting = this.#free.pop() ?? new WaitingMessage();
    waiting.fill(buffer, offset, length);
    waiting.source = source;
    waiting.since = now;
    waiting.sequence = ++this.#pushed;
    ring.push(waiting);
    this.#size++;
    return true;
  }

  /** Removes and returns the oldest message of a lane. */
  shift(lane: Lane): WaitingMessage | undefined {
    const waiting = this.#lanes[lane].shift();
    if (waiting) this.#size--;
    return waiting;
  }

  /** Takes back the memory of a message. */
  release(waiting: WaitingMessage): void {
    // After a burst, most of the memory is given up.
    if (this.#free.length < KEPT) this.#free.push(waiting);
  }

  clear(): void {
    for (const ring of this.#lanes) ring.clear();
    this.#size = 0;
  }
}

/** First in, first out. The array doubles when it is full, up to the limit. */
class Ring {
  readonly #limit: number;
  #items: (WaitingMessage | undefined)[] = Array.from({ length: 8 });
  #first = 0;
  size = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get isFull(): boolean {
    return this.size === this.#limit;
  }

  push(waiting: WaitingMessage): void {
    if (this.size === this.#items.length) this.#grow();
    this.#items[(this.#first + this.size++) & (this.#items.length - 1)] = waiting;
  }

  shift(): WaitingMessage | undefined {
    if (this.size === 0) return undefined;
    const waiting = this.#items[this.#first];
    this.#items[this.#first] = undefined;
    this.#first = (this.#first + 1) & (this.#items.length - 1);
    this.size--;
    return waiting;
  }

  clear(): void {
    this.#items.fill(undefined);
    this.size = 0;
  }

  #grow(): void {
    const { length } = this.#items;
    const items = Array.from<WaitingMessage | undefined>({ length: length * 2 });
    for (let i = 0; i < length; i++) items[i] = this.#items[(this.#first + i) & (length - 1)];
    this.#items = items;
    this.#first = 0;
  }
}

/**
 * The limits of the lanes, in messages. They are powers of two, because the length of a ring
 * doubles up to the limit. To answer 4096 initiations takes less than a second. A message takes 150
 * bytes of memory.
 */
const FRESH_LIMIT = 4096;
const REPEATED_LIMIT = 512;
/** How many unused `WaitingMessage` objects are kept. */
const KEPT = 64;
