/**
 * `HandshakeQueue`: handshake messages that wait to be worked on, in copies.
 *
 * ```
 *               first of its source in a second   more of the same source
 *  no mac2                 lane 0                        lane 1
 *  a mac2                  lane 2                        lane 3
 * ```
 * Every lane is bounded, so that no lane's flood takes the room of another one's. Whether a mac2 is right
 * is not known here.
 *
 * @module
 */
import { HANDSHAKE_INITIATION_LENGTH } from '../constants.ts';
import type { Endpoint } from '../endpoint.ts';

export const LANE = { FRESH: 0, REPEATED: 1, FRESH_MAC2: 2, REPEATED_MAC2: 3 } as const;
export type Lane = (typeof LANE)[keyof typeof LANE];

/** Its own memory; to be given back with `release`. */
export class WaitingMessage {
  readonly #room = new Uint8Array(HANDSHAKE_INITIATION_LENGTH);
  message: Uint8Array = this.#room;
  // Assigned before the object is handed out.
  source!: Endpoint;
  /** When it came. */
  since = 0;
  /** Counts up from the first message of all. */
  sequence = 0;

  /** Copies `length` bytes at `offset`, no more than an initiation has. */
  fill(buffer: Uint8Array, offset: number, length: number): void {
    if (this.message.length !== length) this.message = this.#room.subarray(0, length);
    for (let i = 0; i < length; i++) this.#room[i] = buffer[offset + i];
  }
}

export class HandshakeQueue {
  readonly #lanes = [FRESH_ROOM, REPEATED_ROOM, FRESH_ROOM, REPEATED_ROOM].map(
    (room) => new Ring(room),
  );
  readonly #free: WaitingMessage[] = [];
  #size = 0;
  #pushed = 0;

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  /** Number of the message that was pushed last. */
  get lastSequence(): number {
    return this.#pushed;
  }

  /** How many wait in one lane. */
  sizeOf(lane: Lane): number {
    return this.#lanes[lane].size;
  }

  /** Copies a message. False: the lane is full. */
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

  /** The oldest of a lane. */
  shift(lane: Lane): WaitingMessage | undefined {
    const waiting = this.#lanes[lane].shift();
    if (waiting) this.#size--;
    return waiting;
  }

  /** Has the memory of a message again. */
  release(waiting: WaitingMessage): void {
    // A burst must not keep its memory for good.
    if (this.#free.length < KEPT) this.#free.push(waiting);
  }

  clear(): void {
    for (const ring of this.#lanes) ring.clear();
    this.#size = 0;
  }
}

/** First in, first out. It grows as it is needed, by doubling, up to its room. */
class Ring {
  readonly #room: number;
  #items: (WaitingMessage | undefined)[] = Array.from({ length: 8 });
  #first = 0;
  size = 0;

  constructor(room: number) {
    this.#room = room;
  }

  get isFull(): boolean {
    return this.size === this.#room;
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

/** Powers of two. About as many as are worked on in half a second, and 150 bytes each. */
const FRESH_ROOM = 4096;
const REPEATED_ROOM = 512;
const KEPT = 64;
