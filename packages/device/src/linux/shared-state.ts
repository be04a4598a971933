/**
 * `SharedState`: the few numbers that both threads see at once, in shared memory.
 *
 * ```
 *   int32:  stop | eventfd | open descriptors (24), -1 where there is none
 * ```
 * The packet loop's thread writes down the descriptors it opens. When it dies without a chance to
 * close them (out of memory, terminated), the main thread does. The eventfd is the main thread's to
 * close, and only when the other one has ended: before that its number cannot belong to anything else.
 *
 * @module
 */
import { closeSync, writeSync } from 'node:fs';

const STOP = 0;
const EVENT_FD = 1;
const FIRST_FD = 2;
const FD_COUNT = 24;
const NONE = -1;

export class SharedState {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  /** @param memory another thread's; by default new */
  constructor(memory?: SharedArrayBuffer) {
    this.memory = memory ?? new SharedArrayBuffer((FIRST_FD + FD_COUNT) * 4);
    this.#words = new Int32Array(this.memory);
    if (!memory) this.#words.fill(NONE, EVENT_FD);
  }

  /** Asks the packet loop to end. */
  stop(): void {
    Atomics.store(this.#words, STOP, 1);
    this.wake();
  }

  get isStopped(): boolean {
    return Atomics.load(this.#words, STOP) === 1;
  }

  /** What wakes the packet loop. Once written down here, a `stop` before it is seen. */
  set eventFd(fd: number) {
    Atomics.store(this.#words, EVENT_FD, fd);
  }

  /** Wakes the packet loop, without the FFI; does nothing before it is made. */
  wake(): void {
    const fd = Atomics.load(this.#words, EVENT_FD);
    if (fd === NONE) return;
    // An eventfd takes 8 bytes, little-endian on every machine that the sockets are made for.
    writeSync(fd, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));
  }

  /**
   * Packet loop: it has opened this.
   *
   * @throws {RangeError} there is room for fewer than the loop has open
   */
  opened(fd: number): void {
    const index = this.#words.indexOf(NONE, FIRST_FD);
    if (index === -1) throw new RangeError(`no room for more than ${FD_COUNT} descriptors`);
    Atomics.store(this.#words, index, fd);
  }

  /**
   * Packet loop: it is about to close this. Before, not after it: if the thread dies between the two, a
   * descriptor stays open; the other way round its number might be somebody else's when `release`
   * closes it.
   */
  closing(fd: number): void {
    const index = this.#words.indexOf(fd, FIRST_FD);
    if (index !== -1) Atomics.store(this.#words, index, NONE);
  }

  /** Main thread, when the other one has ended: closes the eventfd and what was left open. */
  release(): void {
    for (let index = EVENT_FD; index < this.#words.length; index++) {
      const fd = Atomics.exchange(this.#words, index, NONE);
      if (fd !== NONE) closeSync(fd);
    }
  }
}
