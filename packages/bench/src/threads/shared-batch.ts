/**
 * `SharedBatch`: messages in shared memory that several threads seal together.
 *
 * ```
 *   int32:  batch | next message | sealed messages | end        then the messages, STRIDE bytes each
 * ```
 * Whoever has time claims the next few messages; the one who began the batch works as well, and goes on
 * when all are sealed. So a batch is in order again, whichever thread was faster, and a thread that was
 * late costs no more than what it claimed.
 *
 * @module
 */
import type { Cipher } from '@litz/core';

/** Plaintext, tag, and what a cipher may use behind a message while it works. */
const STRIDE = 1536;
const BATCH = 0;
const NEXT = 1;
const SEALED = 2;
const END = 3;
const HEAD_LENGTH = 64;
/** Few enough that the last one is not waited for, enough that counters are shared rarely. */
const CLAIM = 8;
const PATIENCE_MS = 5000;

export class SharedBatch {
  /** To be handed to the other threads. */
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #messages: Uint8Array;
  readonly #count: number;

  /** @param memory another thread's; by default new, `count` messages of zeros */
  constructor(count: number, memory?: SharedArrayBuffer) {
    this.memory = memory ?? new SharedArrayBuffer(HEAD_LENGTH + count * STRIDE);
    this.#words = new Int32Array(this.memory, 0, HEAD_LENGTH / 4);
    this.#messages = new Uint8Array(this.memory, HEAD_LENGTH);
    this.#count = count;
    if (!memory) Atomics.store(this.#words, NEXT, count);
  }

  /** Has all messages sealed, each with a counter of its own. @returns the first counter */
  seal(cipher: Cipher, length: number): number {
    const words = this.#words;
    Atomics.store(words, SEALED, 0);
    const batch = Atomics.add(words, BATCH, 1) + 1;
    Atomics.store(words, NEXT, 0);
    Atomics.notify(words, BATCH);
    this.#work(cipher, length);
    const deadline = performance.now() + PATIENCE_MS;
    while (Atomics.load(words, SEALED) < this.#count) {
      if (performance.now() > deadline) throw new Error('a thread does not go on');
    }
    return batch * this.#count;
  }

  /** Another thread: helps with every batch until `end`. */
  help(cipher: Cipher, length: number): void {
    const words = this.#words;
    while (Atomics.load(words, END) === 0) {
      const batch = Atomics.load(words, BATCH);
      this.#work(cipher, length);
      Atomics.wait(words, BATCH, batch);
    }
  }

  end(): void {
    Atomics.store(this.#words, END, 1);
    Atomics.add(this.#words, BATCH, 1);
    Atomics.notify(this.#words, BATCH);
  }

  /** One message, with its tag if it is sealed. */
  message(index: number, length: number): Uint8Array {
    return this.#messages.subarray(index * STRIDE, index * STRIDE + length);
  }

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
