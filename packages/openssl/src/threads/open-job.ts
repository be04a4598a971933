/**
 * `OpenJob`: opens the messages of one job. Any thread may run a job, and another thread may
 * continue it.
 *
 * A job says which of its messages were opened. If a thread ends in the middle of a job, the
 * message in progress can be lost: if it is decrypted already, the next thread finds that its tag
 * is wrong.
 *
 * @module
 */
import type { StreamKey } from '../chacha20.ts';
import { createBoundedOpen, createOpen, type Open, type Parts } from '../cipher-parts.ts';
import {
  COUNT,
  COUNTER_HIGH,
  COUNTER_LOW,
  LENGTH,
  OFFSET,
  OPENED,
  slotOf,
  STRIDE,
} from './job-ring.ts';

export class OpenJob {
  readonly #open: Open;
  /** For the last message of a job, because a message of another job may be behind it. */
  readonly #openLast: Open;
  readonly #memory: Uint8Array;

  /** @param memory the datagrams */
  constructor(parts: Parts, memory: Uint8Array) {
    this.#open = createOpen(parts);
    this.#openLast = createBoundedOpen(parts, LONGEST_COPIED);
    this.#memory = memory;
  }

  /**
   * Opens all messages of a job that are not opened yet, with a context that no other thread uses.
   */
  run(words: Int32Array, index: number, key: StreamKey): void {
    const slot = slotOf(index);
    const length = words[slot + LENGTH]!;
    const stride = words[slot + STRIDE]!;
    const count = words[slot + COUNT]!;
    const counter = words[slot + COUNTER_HIGH]! * 2 ** 32 + (words[slot + COUNTER_LOW]! >>> 0);
    for (let i = 0; i < count; i++) {
      if ((words[slot + OPENED]! & (1 << i)) !== 0) continue;
      const at = words[slot + OFFSET]! + i * stride;
      const open = i === count - 1 ? this.#openLast : this.#open;
      const isOpened = open(key, undefined, counter + i, this.#memory, at, length);
      if (isOpened) words[slot + OPENED]! |= 1 << i;
    }
  }
}

/** The largest usual MTU (jumbo frames), in bytes. */
const LONGEST_COPIED = 9216;
