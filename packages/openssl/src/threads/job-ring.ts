/**
 * `JobRing`: jobs in shared memory. One thread publishes them, and several threads claim them.
 *
 * ```
 *   int32:   words of the ring, each in a cache line of its own
 *   float64: the address of the packets' memory, and its length
 *   jobs:    16 int32 | 8 float64: for each thread, the address of its context with the key
 * ```
 *
 * A thread claims a job with one atomic exchange of the job's state. The new state contains the
 * number of the thread, so if a thread ends, it is known which job it had. Only the publishing
 * thread uses the slot of a finished job again.
 *
 * @module
 */

/** The largest number of threads of one ring, including the thread that publishes. */
export const MOST_THREADS = 8;

export class JobRing {
  /** The memory of the ring. The other threads get it too. */
  readonly memory: SharedArrayBuffer;
  readonly words: Int32Array;
  readonly numbers: Float64Array;

  /** @param memory the memory of another thread; default: new memory */
  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(RING_BYTES)) {
    this.memory = memory;
    this.words = new Int32Array(memory);
    this.numbers = new Float64Array(memory);
  }

  /** How many jobs were published so far, as a signed number of 32 bits that wraps around. */
  get published(): number {
    return Atomics.load(this.words, PUBLISHED);
  }

  /** Publishes the job at `index`, whose fields are written, and wakes a thread that sleeps. */
  publish(index: number): void {
    Atomics.store(this.words, slotOf(index) + STATE, PENDING);
    Atomics.store(this.words, PUBLISHED, (index + 1) | 0);
    if (Atomics.load(this.words, SLEEPERS) > 0) Atomics.notify(this.words, PUBLISHED, 1);
  }

  /**
   * Claims the job at `index` for a thread. Returns false if the job is claimed or done already.
   */
  claim(index: number, thread: number): boolean {
    const at = slotOf(index) + STATE;
    return Atomics.compareExchange(this.words, at, PENDING, CLAIMED + thread) === PENDING;
  }

  /** Claims any job that is published. Returns its index; -1: none is left. */
  claimNext(thread: number): number {
    const published = Atomics.load(this.words, PUBLISHED);
    const first = Atomics.load(this.words, HINT);
    for (let i = first; ((published - i) | 0) > 0; i = (i + 1) | 0) {
      // A failed exchange would take the cache line from the thread that works on the job.
      if (Atomics.load(this.words, slotOf(i) + STATE) !== PENDING) continue;
      if (!this.claim(i, thread)) continue;
      Atomics.store(this.words, HINT, (i + 1) | 0);
      return i;
    }
    // All jobs from `first` to `published` have been claimed, so nobody needs to look at them
    // again.
    if (first !== published) Atomics.store(this.words, HINT, published);
    return -1;
  }

  /** Marks a claimed job as done. */
  finish(index: number): void {
    Atomics.store(this.words, slotOf(index) + STATE, DONE);
  }

  isDone(index: number): boolean {
    return Atomics.load(this.words, slotOf(index) + STATE) === DONE;
  }

  /** Which thread has a job that is claimed but not done; -1: no thread. */
  claimant(index: number): number {
    const state = Atomics.load(this.words, slotOf(index) + STATE);
    return state >= CLAIMED ? state - CLAIMED : -1;
  }

  /** Waits until more jobs than `seen` were published, or until `end`. */
  wait(seen: number): void {
    Atomics.add(this.words, SLEEPERS, 1);
    Atomics.wait(this.words, PUBLISHED, seen);
    Atomics.sub(this.words, SLEEPERS, 1);
  }

  get hasEnded(): boolean {
    return Atomics.load(this.words, END) !== 0;
  }

  /** Tells all threads to end. */
  end(): void {
    Atomics.store(this.words, END, 1);
    Atomics.notify(this.words, PUBLISHED);
    // A thread may be between its check and its sleep. It does not sleep if PUBLISHED has changed.
    Atomics.add(this.words, PUBLISHED, 1);
    Atomics.notify(this.words, PUBLISHED);
  }
}

/** Returns the index of the first int32 of a job. */
export function slotOf(index: number): number {
  return JOBS + (index & (CAPACITY - 1)) * JOB_WORDS;
}

/** Returns the index of the first float64 of a job: the contexts of its threads. */
export function contextsOf(index: number): number {
  return (slotOf(index) + CONTEXTS) >> 1;
}

/** How many jobs fit into a ring. */
export const CAPACITY = 256;
/**
 * The fields of a job, in int32. `OFFSET` is where the first text begins in the packets' memory.
 */
export const OFFSET = 1;
/** Length of each text in bytes. */
export const LENGTH = 2;
/** Distance of the texts in bytes. */
export const STRIDE = 3;
/** Number of messages. */
export const COUNT = 4;
/** The counter of the first message: its low 32 bits. */
export const COUNTER_LOW = 5;
/** The high bits of that counter. */
export const COUNTER_HIGH = 6;
/** The receiver's index, for the headers. */
export const RECEIVER = 7;
/** 0: to seal; 1: to open. */
export const KIND = 8;
/** One bit for each message; 1: the message was opened. */
export const OPENED = 9;
const STATE = 0;
const CONTEXTS = 16;
const JOB_WORDS = 32;

/** States of a job. The state of a claimed job is `CLAIMED` plus the number of its thread. */
const DONE = 0;
const PENDING = 1;
const CLAIMED = 2;

/** The words of a ring. All jobs before the job at `HINT` are claimed or done. */
const PUBLISHED = 0;
const HINT = 16;
const SLEEPERS = 32;
const END = 48;
const JOBS = 128;
/** Index of the float64 with the address of the packets' memory. */
export const MEMORY_ADDRESS = 32;
/** Index of the float64 with the length of the packets' memory in bytes. */
export const MEMORY_LENGTH = 33;
/** Index of the first int32 with the number that the kernel gave to a thread. */
export const KERNEL_THREADS = 80;
const RING_BYTES: number = (JOBS + CAPACITY * JOB_WORDS) * 4;
