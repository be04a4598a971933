/**
 * `ThreadControl`: a few numbers in shared memory that the main thread and the packet loop's thread
 * both use.
 *
 * ```
 *   int32:  stop | eventfd | open descriptors (24), -1 where there is none
 * ```
 *
 * The packet loop's thread records the descriptors that it opens. If that thread dies without
 * closing them (out of memory, terminated), the main thread closes them. The main thread also
 * closes the eventfd, but only after the other thread has ended. So the descriptor number is not
 * reused for something else while a thread may still write to it.
 *
 * @module
 */
import { closeSync, writeSync } from 'node:fs';

export class ThreadControl {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  /** @param memory the memory of an existing object in another thread; default: new memory */
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

  /**
   * The eventfd that wakes the packet loop. `stop` may be called before the eventfd is set. It then
   * wakes nobody, but the packet loop ends all the same: it first sets the eventfd, and reads the
   * stop flag after that.
   */
  set eventFd(fd: number) {
    Atomics.store(this.#words, EVENT_FD, fd);
  }

  /** Wakes the packet loop, without the FFI. Does nothing before the eventfd is set. */
  wake(): void {
    const fd = Atomics.load(this.#words, EVENT_FD);
    if (fd === NONE) return;
    // An eventfd takes 8 bytes in the byte order of the machine; all supported machines are
    // little-endian.
    writeSync(fd, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));
  }

  /**
   * Called by the packet loop after it opened a descriptor.
   *
   * @throws {RangeError} the packet loop has more than 24 descriptors open
   */
  recordDescriptor(fd: number): void {
    const index = this.#words.indexOf(NONE, FIRST_FD);
    if (index === -1)
      throw new RangeError(`the packet loop has more than ${FD_COUNT} descriptors open`);
    Atomics.store(this.#words, index, fd);
  }

  /**
   * Called by the packet loop before it closes a descriptor. The order matters: if the thread dies
   * between this call and the close, a descriptor stays open. In the other order,
   * `closeDescriptors` could close a descriptor of something else that got the same number.
   */
  forgetDescriptor(fd: number): void {
    const index = this.#words.indexOf(fd, FIRST_FD);
    if (index !== -1) Atomics.store(this.#words, index, NONE);
  }

  /**
   * Called by the main thread after the other thread has ended: closes the eventfd and all recorded
   * descriptors.
   */
  closeDescriptors(): void {
    for (let index = EVENT_FD; index < this.#words.length; index++) {
      const fd = Atomics.exchange(this.#words, index, NONE);
      if (fd !== NONE) closeSync(fd);
    }
  }
}

const STOP = 0;
const EVENT_FD = 1;
const FIRST_FD = 2;
const FD_COUNT = 24;
const NONE = -1;
