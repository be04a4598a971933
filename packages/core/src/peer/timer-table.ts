/**
 * `TimerTable`: stores the deadlines of all peers and finds the first deadline.
 *
 * ```
 *  deadlines   slot 0: [t0 t1 t2 ... t6]  slot 1: [t0 ...]     one Float64Array, Infinity = not set
 *  heap        slots, the one with the least key on top          indexed binary heap
 *  key         per slot: its first deadline, or an earlier time
 * ```
 * Nearly every packet moves a deadline to a later time or clears one, long before the deadline
 * passes. To reorder the heap each time would cost too much, so the key of the slot does not change
 * then, and may be earlier than the first deadline of the slot. The key is corrected when the slot
 * reaches the top of the heap. So to move a deadline to a later time is a single store. Peers
 * without deadlines are not in the heap and cost nothing.
 *
 * The table contains no protocol rules: those are in `timers.ts` (when a timer starts) and
 * `timer-expiry.ts` (what it does).
 *
 * @module
 */

/** The timers of a peer. If several are due at the same time, they fire in this order. */
export const TIMER = {
  /** Wipes the key material, 540 s after the last handshake. */
  ZERO_KEYS: 0,
  /** Reports the end of the session, 180 s after it began. */
  SESSION_EXPIRY: 1,
  /** Sends the initiation again, after 5 s without a response. */
  RETRANSMIT: 2,
  /** Starts a handshake when sent data has had no answer for 15 s. */
  NEW_HANDSHAKE: 3,
  /** Passive keepalive: data was received, and nothing was sent for 10 s after that. */
  KEEPALIVE: 4,
  /** Persistent keepalive: nothing was sent or received for the configured interval. */
  PERSISTENT_KEEPALIVE: 5,
  /** Sends an initiation of the next identity to a peer that has not answered that identity yet. */
  PROBE: 6,
} as const;
/** The number of a timer of a peer. */
export type Timer = (typeof TIMER)[keyof typeof TIMER];

export class TimerTable {
  #deadlines = new Float64Array(INITIAL_SLOTS * TIMERS).fill(Infinity);
  #keys = new Float64Array(INITIAL_SLOTS);
  /** Maps a slot to its position in the heap; -1 if it is not in the heap. */
  #positions = new Int32Array(INITIAL_SLOTS).fill(-1);
  #heap = new Int32Array(INITIAL_SLOTS);
  #heapSize = 0;
  #slots = 0;
  readonly #freeSlots: number[] = [];

  /** Allocates a slot for one peer, with no deadline set. */
  allocate(): number {
    const free = this.#freeSlots.pop();
    if (free !== undefined) return free;
    if (this.#slots === this.#keys.length) this.#grow();
    return this.#slots++;
  }

  /**
   * Clears all deadlines of a slot and frees it. The slot may stay in the heap until it reaches the
   * top.
   */
  release(slot: number): void {
    this.clearAll(slot);
    this.#freeSlots.push(slot);
  }

  /**
   * Sets a deadline at `now + delay`. The sum is computed here, because V8 allocates memory for a
   * fractional number that is passed to a function, and `arm` is called for every packet.
   */
  arm(slot: number, timer: Timer, now: number, delay: number): void {
    const deadline = now + delay;
    this.#deadlines[slot * TIMERS + timer] = deadline;
    const position = this.#positions[slot];
    if (position === -1) this.#push(slot, deadline);
    else if (deadline < this.#keys[slot]) {
      this.#keys[slot] = deadline;
      this.#siftUp(position);
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

  /** Returns the deadline; Infinity if it is not set. */
  deadline(slot: number, timer: Timer): number {
    return this.#deadlines[slot * TIMERS + timer];
  }

  isDue(slot: number, timer: Timer, now: number): boolean {
    return this.#deadlines[slot * TIMERS + timer] <= now;
  }

  /** Returns the first deadline of all slots, exactly; Infinity if there is none. */
  firstDeadline(): number {
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

  /** Returns the slot of the first deadline; -1 if there is none. */
  firstSlot(): number {
    return this.firstDeadline() === Infinity ? -1 : this.#heap[0];
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
    this.#put(slot, this.#heapSize++);
    this.#siftUp(this.#positions[slot]);
  }

  #removeTop(): void {
    this.#positions[this.#heap[0]] = -1;
    const last = this.#heap[--this.#heapSize];
    if (this.#heapSize === 0) return;
    this.#put(last, 0);
    this.#siftDown(0);
  }

  #siftUp(from: number): void {
    let position = from;
    const slot = this.#heap[position];
    while (position > 0) {
      const parent = (position - 1) >> 1;
      if (this.#keys[this.#heap[parent]] <= this.#keys[slot]) break;
      this.#put(this.#heap[parent], position);
      position = parent;
    }
    this.#put(slot, position);
  }

  #siftDown(from: number): void {
    let position = from;
    const slot = this.#heap[position];
    for (;;) {
      let child = 2 * position + 1;
      if (child >= this.#heapSize) break;
      const right = child + 1;
      if (right < this.#heapSize && this.#keys[this.#heap[right]] < this.#keys[this.#heap[child]]) {
        child = right;
      }
      if (this.#keys[slot] <= this.#keys[this.#heap[child]]) break;
      this.#put(this.#heap[child], position);
      position = child;
    }
    this.#put(slot, position);
  }

  #put(slot: number, position: number): void {
    this.#heap[position] = slot;
    this.#positions[slot] = position;
  }

  #grow(): void {
    const slots = this.#keys.length * 2;
    const deadlines = new Float64Array(slots * TIMERS).fill(Infinity);
    deadlines.set(this.#deadlines);
    const keys = new Float64Array(slots);
    keys.set(this.#keys);
    const positions = new Int32Array(slots).fill(-1);
    positions.set(this.#positions);
    const heap = new Int32Array(slots);
    heap.set(this.#heap);
    this.#deadlines = deadlines;
    this.#keys = keys;
    this.#positions = positions;
    this.#heap = heap;
  }
}

/** The number of timers per slot. */
const TIMERS = 7;
const INITIAL_SLOTS = 16;
