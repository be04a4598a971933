/**
 * `CipherThreads`: the packet loop's side of several threads that seal and open together. See "More
 * than one core" in ARCHITECTURE.md.
 *
 * A cipher of the provider begins a run with `publish`, and any thread seals it. `finish` waits for
 * all runs and writes the headers. Between `open` and `close`, the bytes of the messages belong to
 * the threads. Received messages are opened in the same way, between `beginOpening` and
 * `endOpening`. At all other times nothing is shared. Before a key is destroyed, its cipher waits
 * for all jobs with `finish`.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { writeTransportHeader } from '@litz/core/internals';
import { addressOf } from '@litz/sys';
import type { Parts } from '../cipher-parts.ts';
import type { StreamKey } from '../chacha20.ts';
import {
  CAPACITY,
  contextsOf,
  COUNT,
  COUNTER_HIGH,
  COUNTER_LOW,
  JobRing,
  KERNEL_THREADS,
  KIND,
  LENGTH,
  MEMORY_ADDRESS,
  MEMORY_LENGTH,
  OFFSET,
  OPENED as OPENED_BITS,
  RECEIVER,
  slotOf,
  STRIDE,
} from './job-ring.ts';
import { OpenJob } from './open-job.ts';
import { clearOneTimeKey, SealJob } from './seal-job.ts';

/** The contexts of a key: `own` is for the packet loop, and `others` are for the other threads. */
export interface SharedKey {
  readonly own: StreamKey;
  readonly others: Float64Array;
}

export class CipherThreads {
  /** The largest number of threads, including the packet loop. */
  readonly most: number;
  readonly #ring = new JobRing();
  readonly #states: Int32Array;
  readonly #packets: Uint8Array;
  readonly #packetWords: Int32Array;
  /** The contexts of the packet loop, by the slot of a job. */
  readonly #keys: (StreamKey | undefined)[] = Array.from({ length: CAPACITY });
  readonly #sleeper = new Int32Array(new SharedArrayBuffer(4));
  #sealJob: SealJob | undefined = undefined;
  #openJob: OpenJob | undefined = undefined;
  #isOpen = false;
  #isOpening = false;
  /** The index of the job that contains the first message whose result may still be taken. */
  #taken = 0;

  /** The index of that message in the job. */
  #takenMessage = 0;
  /** The key of the job that is not published yet, because the next message may join it. */
  #growing: SharedKey | undefined = undefined;
  /** The index of the next job to publish. */
  #next = 0;

  /** The index of the next job to finish. */
  #done = 0;

  /**
   * @param most the largest number of threads, including the packet loop: 2 to 8
   * @param packets the memory that has the packets. It must stay where it is until `end`.
   */
  constructor(most: number, packets: Uint8Array) {
    this.most = most;
    this.#packets = packets;
    this.#packetWords = new Int32Array(packets.buffer, packets.byteOffset, packets.length >> 2);
    this.#states = new Int32Array(new SharedArrayBuffer(4 * most));
    this.#ring.numbers[MEMORY_ADDRESS] = addressOf(packets);
    this.#ring.numbers[MEMORY_LENGTH] = packets.length;
  }

  /** Returns the argument of `runCipherThread` for the thread with this number, 1 to `most` - 1. */
  start(number: number): CipherThreadStart {
    Atomics.store(this.#states, number, STARTING);
    return { ring: this.#ring.memory, states: this.#states.buffer as SharedArrayBuffer, number };
  }

  /** How many threads are running, including the packet loop. */
  get running(): number {
    let running = 1;
    for (let i = 1; i < this.most; i++) if (this.#isRunning(i)) running++;
    return running;
  }

  /** Whether a provider shares its work with these threads. */
  get isUsed(): boolean {
    return this.#sealJob !== undefined;
  }

  /** @internal Called by the provider. The packet loop seals and opens with these parts. */
  useParts(parts: Parts): void {
    this.#sealJob = new SealJob(parts, this.#packets, addressOf(this.#packets));
    this.#openJob = new OpenJob(parts, this.#packets);
  }

  /** Whether a published job is not finished. */
  get isBusy(): boolean {
    return this.#next !== this.#done;
  }

  /** Shares runs with the other threads until `close`, if other threads are running. */
  open(): void {
    this.#isOpen = this.running > 1;
  }

  /** Finishes all runs. Nothing is shared until the next `open`. */
  close(): void {
    this.finish();
    this.#isOpen = false;
  }

  /** Whether a run is worth sharing, and can be shared. */
  accepts(buffer: Uint8Array, count: number): boolean {
    return this.#isOpen && count >= FEWEST && count <= MOST && buffer === this.#packets;
  }

  /**
   * @internal Begins to seal a run for which `accepts` returned true and whose arguments are
   *   checked. Its texts must begin at multiples of 64.
   */
  // oxlint-disable-next-line max-params -- called per run: an object would be garbage
  publish(
    key: SharedKey,
    counter: number,
    offset: number,
    length: number,
    stride: number,
    count: number,
    receiver: number,
  ): void {
    const { words, numbers } = this.#ring;
    for (let i = 0; i < count; i++) clearOneTimeKey(this.#packetWords, offset + i * stride);
    for (let first = 0; first < count; first += CHUNK) {
      if (((this.#next - this.#done) | 0) === CAPACITY) this.finish();
      const slot = slotOf(this.#next);
      words[slot + OFFSET] = offset + first * stride;
      words[slot + LENGTH] = length;
      words[slot + STRIDE] = stride;
      words[slot + COUNT] = Math.min(CHUNK, count - first);
      words[slot + COUNTER_LOW] = (counter + first) | 0;
      words[slot + COUNTER_HIGH] = ((counter + first) / 2 ** 32) | 0;
      words[slot + RECEIVER] = receiver;
      words[slot + KIND] = TO_SEAL;
      numbers.set(key.others, contextsOf(this.#next) + 1);
      this.#keys[this.#next & (CAPACITY - 1)] = key.own;
      this.#ring.publish(this.#next);
      this.#next = (this.#next + 1) | 0;
    }
  }

  /** The number of the next job, for `finish` and `hasFinished`. */
  get mark(): number {
    return this.#next;
  }

  /**
   * Works on the jobs before `mark` until all of them are done, and writes their headers. Default:
   * all jobs.
   */
  finish(mark: number = this.#next): void {
    while (((mark - this.#done) | 0) > 0) {
      this.#await(this.#done);
      this.#completeNext();
    }
  }

  /**
   * Whether all jobs before `mark` are done. Does not wait. Writes the headers of jobs that are
   * done.
   */
  hasFinished(mark: number): boolean {
    while (((mark - this.#done) | 0) > 0) {
      if (!this.#ring.isDone(this.#done)) return false;
      this.#completeNext();
    }
    return true;
  }

  /** Begins a batch of messages to open. Returns whether other threads take part. */
  beginOpening(): boolean {
    this.#isOpening = this.running > 1;
    this.#taken = this.#next;
    this.#takenMessage = 0;
    return this.#isOpening;
  }

  /**
   * @internal Adds a message to open. Adjacent messages of one key and length, with consecutive
   * counters, become one job.
   */
  publishOpening(
    key: SharedKey,
    counter: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
  ): void {
    if (!this.#isOpening || buffer !== this.#packets) return;
    if (this.#joins(key, counter, offset, length)) return;
    this.publishLast();
    if (((this.#next - this.#done) | 0) >= CAPACITY - 1) return;
    const { words, numbers } = this.#ring;
    const slot = slotOf(this.#next);
    words[slot + OFFSET] = offset;
    words[slot + LENGTH] = length;
    words[slot + STRIDE] = length + MESSAGE_OVERHEAD;
    words[slot + COUNT] = 1;
    words[slot + COUNTER_LOW] = counter | 0;
    words[slot + COUNTER_HIGH] = (counter / 2 ** 32) | 0;
    words[slot + KIND] = TO_OPEN;
    words[slot + OPENED_BITS] = 0;
    numbers.set(key.others, contextsOf(this.#next) + 1);
    this.#keys[this.#next & (CAPACITY - 1)] = key.own;
    this.#growing = key;
  }

  /** Publishes the last job, because no other message will join it. */
  publishLast(): void {
    if (!this.#growing) return;
    this.#growing = undefined;
    this.#ring.publish(this.#next);
    this.#next = (this.#next + 1) | 0;
  }

  /**
   * Waits until a published message was processed, and returns the result: `OPENED` or `REFUSED`.
   * The caller must ask for messages in the order in which they were published, and may leave out
   * some of them. `UNKNOWN`: the message was not published, and nothing was done.
   */
  takeOpened(counter: number, buffer: Uint8Array, offset: number, length: number): number {
    if (!this.#isOpening || buffer !== this.#packets) return UNKNOWN;
    const { words } = this.#ring;
    for (let index = this.#taken; index !== this.#next; index = (index + 1) | 0) {
      const slot = slotOf(index);
      const stride = words[slot + STRIDE]!;
      const from = index === this.#taken ? this.#takenMessage : 0;
      for (let i = from; i < words[slot + COUNT]!; i++) {
        if (words[slot + OFFSET]! + i * stride !== offset) continue;
        const low = words[slot + COUNTER_LOW]! >>> 0;
        const isSame =
          words[slot + LENGTH] === length &&
          words[slot + COUNTER_HIGH]! * 2 ** 32 + low + i === counter;
        if (!isSame) return UNKNOWN;
        this.#taken = index;
        this.#takenMessage = i + 1;
        if (((this.#done - index) | 0) <= 0) this.#await(index);
        return (words[slot + OPENED_BITS]! & (1 << i)) === 0 ? REFUSED : OPENED;
      }
    }
    return UNKNOWN;
  }

  /**
   * Waits until the messages of the jobs before `mark` are processed. After that, their results
   * cannot be taken.
   */
  finishOpening(mark: number): void {
    this.finish(mark);
    if (((mark - this.#taken) | 0) <= 0) return;
    this.#taken = mark;
    this.#takenMessage = 0;
  }

  /** Ends a batch: waits until no message is in progress. */
  endOpening(): void {
    this.publishLast();
    this.finish();
    this.#isOpening = false;
  }

  /** Tells the other threads to end. */
  end(): void {
    this.endOpening();
    this.close();
    this.#ring.end();
  }

  /** Adds a message to the job that is not published yet, if it follows that job's last message. */
  #joins(key: SharedKey, counter: number, offset: number, length: number): boolean {
    if (this.#growing !== key) return false;
    const { words } = this.#ring;
    const slot = slotOf(this.#next);
    const count = words[slot + COUNT]!;
    const isNext =
      count < OPEN_CHUNK &&
      words[slot + LENGTH] === length &&
      offset === words[slot + OFFSET]! + count * words[slot + STRIDE]! &&
      words[slot + COUNTER_HIGH]! * 2 ** 32 + (words[slot + COUNTER_LOW]! >>> 0) + count ===
        counter;
    if (isNext) words[slot + COUNT] = count + 1;
    return isNext;
  }

  #isRunning(number: number): boolean {
    return Atomics.load(this.#states, number) === RUNNING;
  }

  /** Waits until a job is done. If no other thread has claimed the job, this thread does it. */
  #await(index: number): void {
    const ring = this.#ring;
    if (ring.claim(index, 0)) return this.#work(index);
    for (let turns = 1; !ring.isDone(index); turns++) {
      const other = ring.claimNext(0);
      if (other !== -1) this.#work(other);
      else if (turns % TURNS_PER_SLEEP === 0) {
        if (this.#hasLost(index)) return this.#work(index);
        // The other thread may need the core that this thread uses.
        Atomics.wait(this.#sleeper, 0, 0, SLEEP_MS);
      }
    }
  }

  #work(index: number): void {
    const { words } = this.#ring;
    const job = words[slotOf(index) + KIND] === TO_OPEN ? this.#openJob! : this.#sealJob!;
    job.run(words, index, this.#keys[index & (CAPACITY - 1)]!);
    this.#ring.finish(index);
  }

  /**
   * Whether the thread that has a job no longer exists. A thread that only waits for a processor
   * will continue, so its job must not be touched.
   */
  #hasLost(index: number): boolean {
    const thread = this.#ring.claimant(index);
    if (thread <= 0) return false;
    if (Atomics.load(this.#states, thread) === ENDED) return true;
    const kernelThread = Atomics.load(this.#ring.words, KERNEL_THREADS + thread);
    if (existsSync(`/proc/self/task/${kernelThread}`)) return false;
    Atomics.store(this.#states, thread, ENDED);
    return !this.#ring.isDone(index);
  }

  /** Writes the headers of the next job, and clears the one-time keys in front of them. */
  #completeNext(): void {
    const index = this.#done;
    this.#done = (index + 1) | 0;
    const { words } = this.#ring;
    const slot = slotOf(index);
    if (words[slot + KIND] === TO_OPEN) return;
    const offset = words[slot + OFFSET]!;
    const stride = words[slot + STRIDE]!;
    const count = words[slot + COUNT]!;
    const receiver = words[slot + RECEIVER]!;
    const low = words[slot + COUNTER_LOW]! >>> 0;
    const counter = words[slot + COUNTER_HIGH]! * 2 ** 32 + low;
    for (let i = 0; i < count; i++) {
      const at = offset + i * stride;
      clearOneTimeKey(this.#packetWords, at);
      writeTransportHeader(this.#packets, at - HEADER_LENGTH, receiver, counter + i);
    }
  }
}

/** The part of `workerData` that `runCipherThread` needs. */
export interface CipherThreadStart {
  readonly ring: SharedArrayBuffer;
  readonly states: SharedArrayBuffer;
  readonly number: number;
}

/** States of a thread. The thread itself, the main thread or the packet loop sets `ENDED`. */
export const STARTING = 0;
/** The thread seals and opens. */
export const RUNNING = 1;
/** The thread has ended. */
export const ENDED = 2;

/** Results of `takeOpened`. */
export const UNKNOWN = -1;
/** The tag is wrong. */
export const REFUSED = 0;
/** The tag is right, and the text is there. */
export const OPENED = 1;

/** Kinds of a job; `runCipherThread` uses them too. */
export const TO_SEAL = 0;
/** The messages of the job must be opened. */
export const TO_OPEN = 1;
const HEADER_LENGTH = 16;
/** Bytes of header and tag of a received message. */
const MESSAGE_OVERHEAD = 32;
/** A run of fewer messages is not shared. */
const FEWEST = 8;
/**
 * A run of more messages is not shared. It could fill the send queue of a socket, and a full queue
 * is sent at once, before the run is sealed.
 */
const MOST = 128;
/** The most messages of one job to seal. */
const CHUNK = 5;
/**
 * The most messages of one job to open. A job to open has more messages than a job to seal, because
 * opening the last message of a job costs more than opening the others.
 */
const OPEN_CHUNK = 9;
/**
 * How often this thread looks at a job before it sleeps for a moment. To look this often takes
 * about 50 us.
 */
const TURNS_PER_SLEEP = 1000;
const SLEEP_MS = 0.05;
