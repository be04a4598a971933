/**
 * `SharedBatch`: messages in shared memory that several threads seal together.
 *
 * ```
 *   int32:  batch | next message | sealed messages | end     then the messages, STRIDE bytes each
 * ```
 * Each thread claims a few messages at a time. The thread that calls `seal` also works on the
 * batch, and `seal` returns when all messages are sealed. So messages stay in order, and a slow
 * thread delays only the messages that it has claimed.
 *
 * @module
 */
import type { Cipher } from '@litz/core';

export class SharedBatch {
  /** The shared memory, for the other threads. */
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #messages: Uint8Array;
  readonly #count: number;

  /**
   * @param memory the memory of another thread; default: new memory with `count` messages of zeros
   */
  constructor(count: number, memory?: SharedArrayBuffer) {
    this.memory = memory ?? new SharedArrayBuffer(HEAD_LENGTH + count * STRIDE);
    this.#words = new Int32Array(this.memory, 0, HEAD_LENGTH / 4);
    this.#messages = new Uint8Array(this.memory, HEAD_LENGTH);
    this.#count = count;
    if (!memory) Atomics.store(this.#words, NEXT, count);
  }

  /**
   * Seals all messages together with the other threads. Returns the counter of the first message.
   */
  seal(cipher: Cipher, length: number): number {
    const words = this.#words;
    Atomics.store(words, SEALED, 0);
    const batch = Atomics.add(words, BATCH, 1) + 1;
    Atomics.store(words, NEXT, 0);
    Atomics.notify(words, BATCH);
    this.#work(cipher, length);
    const deadline = performance.now() + SEAL_TIMEOUT_MS;
    while (Atomics.load(words, SEALED) < this.#count) {
      if (performance.now() > deadline) {
        throw new Error(`a thread did not seal its messages within ${SEAL_TIMEOUT_MS} ms`);
      }
    }
    return batch * this.#count;
  }

  /** Called in another thread: helps with every batch until `end` is called. */
  help(cipher: Cipher, length: number): void {
    const words = this.#words;
    while (Atomics.load(words, END) === 0) {
      const batch = Atomics.load(words, BATCH);
      this.#work(cipher, length);
      Atomics.wait(words, BATCH, batch);
    }
  }

  /** Ends `help` in all other threads. */
  end(): void {
    Atomics.store(this.#words, END, 1);
    Atomics.add(this.#words, BATCH, 1);
    Atomics.notify(this.#words, BATCH);
  }

  /** Returns the first `length` bytes of one message, as a view. */
  message(index: number, length: number): Uint8Array {
    return this.#messages.subarray(index * STRIDE, index * STRIDE + length);
  }

  /** Claims and seals messages until all are claimed. */
  #work(cipher: Cipher, length: number): void {
    const words = this.#words;
    for (;;) {
      const first = Atomics.add(words, NEXT, CLAIM);
      const end = Math.min(first + CLAIM, this.#count);
      if (first >= end) return;
      const counter = Atomics.load(words, BATCH) * this.#count;
      for (let i = first; i < end; i++) {
        cipher.seal(counter + i, this.#messages, i * STRIDE, length);
      }
      Atomics.add(words, SEALED, end - first);
    }
  }
}

/** Bytes per message: plaintext, tag, and the bytes behind the tag that a cipher may use. */
const STRIDE = 1536;
/** The indices of the four words, and the length of the head in bytes. */
const BATCH = 0;
const NEXT = 1;
const SEALED = 2;
const END = 3;
const HEAD_LENGTH = 64;
/**
 * Messages per claim: few, so that the last claim does not delay the batch; enough, so that threads
 * rarely access the shared counters.
 */
const CLAIM = 8;
const SEAL_TIMEOUT_MS = 5000;
