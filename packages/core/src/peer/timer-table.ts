/**
 * `TimerTable`: the deadlines of all peers, and which of them comes first.
 *
 * ```
 *  deadlines   slot 0: [t0 t1 t2 ... t6]  slot 1: [t0 ...]     one Float64Array, Infinity = not set
 *  heap        slots, the one with the least key on top          indexed binary heap
 *  key         per slot: a time not later than its first deadline
 * ```
 * Most deadlines are moved later or cleared long before they pass: every packet does it. So a key may
 * lag behind; it is corrected when its slot reaches the top. Moving a deadline later is one store.
 * Peers without deadlines are not in the heap and cost nothing.
 *
 * It knows no rules: those are in `timers.ts` (when a timer starts) and `timer-expiry.ts` (what it does).
 *
 * @module
 */

/** The timers of a peer, in the order in which those that are due together fire. */
export const TIMER = {
  /** Wipes the key material, 540 s after the last handshake. */
  ZERO_KEYS: 0,
  /** Tells that the session is over, 180 s after it began. */
  SESSION_EXPIRY: 1,
  /** Sends the initiation again: no response for 5 s. */
  RETRANSMIT: 2,
  /** Starts a handshake: no answer to data sent for 15 s. */
  NEW_HANDSHAKE: 3,
  /** Passive keepalive: nothing sent for 10 s after data was received. */
  KEEPALIVE: 4,
  /** Persistent keepalive: nothing sent or received for the configured interval. */
  PERSISTENT_KEEPALIVE: 5,
  /** Sends an initiation of the next identity: the peer has not answered it yet. */
  PROBE: 6,
} as const;
export type Timer = (typeof TIMER)[keyof typeof TIMER];

export class TimerTable {
  #deadlines = new Float64Array(INITIAL_SLOTS * TIMERS).fill(Infinity);
  #keys = new Float64Array(INITIAL_SLOTS);
  /** Slot -> place in the heap, -1 for none. */
  #places = new Int32Array(INITIAL_SLOTS).fill(-1);
  #heap = new Int32Array(INITIAL_SLOTS);
  #heapSize = 0;
  #slots = 0;
  readonly #freeSlots: number[] = [];

  /** A slot for one peer, with no deadline set. */
  allocate(): number {
    const free = this.#freeSlots.pop();
    if (free !== undefined) return free;
    if (this.#slots === this.#keys.length) this.#grow();
    return this.#slots++;
  }

  /** Clears all deadlines of a slot and gives it back. It may stay in the heap until its key is first. */
  release(slot: number): void {
    this.clearAll(slot);
    this.#freeSlots.push(slot);
  }

  /**
   * Sets a deadline at `now + delay`. The sum is made here, because a fractional number that is
   * handed to a function is an allocation, and this runs per packet.
   */
  arm(slot: number, timer: Timer, now: number, delay: number): void {
    const deadline = now + delay;
    this.#deadlines[slot * TIMERS + timer] = deadline;
    const place = this.#places[slot];
    if (place === -1) this.#push(slot, deadline);
    else if (deadline < this.#keys[slot]) {
      this.#keys[slot] = deadline;
      this.#siftUp(place);
    }
  }

  clear(slot: number, timer: Timer): void {
    this.#deadlines[slot * TIMERS + timer] = Infinity;
  }

  clearAll(slot: number): void {
    this.#deadlines.fill(Infinity, slot * TIMERS, (slot + 1) * TIMERS);
  }

  isArmed(slot: number, timer: Timer): boolean {
    return this.#deadlines[slot * TIMERS + timer] !== Infinity;
  }

  /** Infinity if it is not set. */
  deadline(slot: number, timer: Timer): number {
    return this.#deadlines[slot * TIMERS + timer];
  }

  isDue(slot: number, timer: Timer, now: number): boolean {
    return this.#deadlines[slot * TIMERS + timer] <= now;
  }

  /** The first deadline of all, exactly; Infinity if there is none. */
  first(): number {
    while (this.#heapSize > 0) {
      const slot = this.#heap[0];
      const first = this.#firstOf(slot);
      if (first === this.#keys[slot]) return first;
      if (first === Infinity) this.#removeTop();
      else {
        this.#keys[slot] = first;
        this.#siftDown(0);
      }
    }
    return Infinity;
  }

  /** Whose deadline `first()` is; -1 if nobody's. */
  firstSlot(): number {
    return this.first() === Infinity ? -1 : this.#heap[0];
  }

  #firstOf(slot: number): number {
    let first = Infinity;
    const end = (slot + 1) * TIMERS;
    for (let i = slot * TIMERS; i < end; i++) {
      if (this.#deadlines[i] < first) first = this.#deadlines[i];
    }
    return first;
  }

  #push(slot: number, key: number): void {
    this.#keys[slot] = key;
    this.#place(slot, this.#heapSize++);
    this.#siftUp(this.#places[slot]);
  }

  #removeTop(): void {
    this.#places[this.#heap[0]] = -1;
    const last = this.#heap[--this.#heapSize];
    if (this.#heapSize === 0) return;
    this.#place(last, 0);
    this.#siftDown(0);
  }

  #siftUp(from: number): void {
    let place = from;
    const slot = this.#heap[place];
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (this.#keys[this.#heap[parent]] <= this.#keys[slot]) break;
      this.#place(this.#heap[parent], place);
      place = parent;
    }
    this.#place(slot, place);
  }

  #siftDown(from: number): void {
    let place = from;
    const slot = this.#heap[place];
    for (;;) {
      let child = 2 * place + 1;
      if (child >= this.#heapSize) break;
      const right = child + 1;
      if (right < this.#heapSize && this.#keys[this.#heap[right]] < this.#keys[this.#heap[child]]) {
        child = right;
      }
      if (this.#keys[slot] <= this.#keys[this.#heap[child]]) break;
      this.#place(this.#heap[child], place);
      place = child;
    }
    this.#place(slot, place);
  }

  #place(slot: number, place: number): void {
    this.#heap[place] = slot;
    this.#places[slot] = place;
  }

  #grow(): void {
    const slots = this.#keys.length * 2;
    const deadlines = new Float64Array(slots * TIMERS).fill(Infinity);
    deadlines.set(this.#deadlines);
    const keys = new Float64Array(slots);
    keys.set(this.#keys);
    const places = new Int32Array(slots).fill(-1);
    places.set(this.#places);
    const heap = new Int32Array(slots);
    heap.set(this.#heap);
    this.#deadlines = deadlines;
    this.#keys = keys;
    this.#places = places;
    this.#heap = heap;
  }
}

const TIMERS = 7;
const INITIAL_SLOTS = 16;
