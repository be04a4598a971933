/**
 * `SealJob`: seals the messages of one job. Any thread may run a job. If that thread ends, another
 * thread may continue the job.
 *
 * In front of each text is space for block 0 of the key stream, which begins with the one-time key
 * of Poly1305. The 32 bytes of this key are zero before the job, and are not all zero after the
 * text was encrypted. So if a thread ends in the middle of a job, each message shows whether it is
 * encrypted already, and nothing is encrypted twice.
 *
 * @module
 */
import type { StreamKey } from '../chacha20.ts';
import type { Parts } from '../cipher-parts.ts';
import { COUNT, COUNTER_HIGH, COUNTER_LOW, LENGTH, OFFSET, slotOf, STRIDE } from './job-ring.ts';

export class SealJob {
  readonly #parts: Parts;
  readonly #address: number;
  readonly #view: DataView;
  /**
   * A cache of addresses. The address of the byte at `offset` in the memory has the index
   * `offset >> 6`. The class `Addresses` in transport-cipher.ts says why addresses are cached.
   */
  readonly #boxed: (number | undefined)[] = Array.from({ length: 2 });

  /**
   * @param memory the memory that has the packets
   * @param address the address of the first byte of `memory`
   */
  constructor(parts: Parts, memory: Uint8Array, address: number) {
    this.#parts = parts;
    this.#address = address;
    this.#view = new DataView(memory.buffer, memory.byteOffset, memory.length);
    this.#boxed.length = 0;
  }

  /**
   * Seals all messages of a job.
   *
   * @param index the index of the job in the job ring
   * @param key an OpenSSL context with the key; no other thread may use the same context
   */
  run(words: Int32Array, index: number, key: StreamKey): void {
    const slot = slotOf(index);
    const length = words[slot + LENGTH]!;
    const stride = words[slot + STRIDE]!;
    const count = words[slot + COUNT]!;
    const counter = counterOf(words, slot);
    for (let i = 0; i < count; i++) {
      this.#seal(key, counter + i, words[slot + OFFSET]! + i * stride, length);
    }
  }

  #seal(key: StreamKey, counter: number, at: number, length: number): void {
    const { chacha20, tag } = this.#parts;
    const view = this.#view;
    const front = this.#addressOf(at - BLOCK_LENGTH);
    if (isClear(view, at - BLOCK_LENGTH)) {
      chacha20.begin(key, counter, 0);
      chacha20.crypt(key, front, front, BLOCK_LENGTH + ((length + 63) & -BLOCK_LENGTH));
    }
    tag.begin(front);
    tag.finish(view, at + length, this.#addressOf(at), length);
    tag.copyTo(view, at + length);
  }

  #addressOf(offset: number): number {
    const slot = offset >> 6;
    const found = this.#boxed[slot];
    if (found !== undefined && found === this.#address + offset) return found;
    const address = this.#address + offset;
    this.#boxed[slot] = address;
    return address;
  }
}

/** Clears the one-time key in front of a text. */
export function clearOneTimeKey(words: Int32Array, at: number): void {
  const word = (at - BLOCK_LENGTH) >> 2;
  for (let i = 0; i < 8; i++) words[word + i] = 0;
}

function counterOf(words: Int32Array, slot: number): number {
  return words[slot + COUNTER_HIGH]! * 2 ** 32 + (words[slot + COUNTER_LOW]! >>> 0);
}

function isClear(view: DataView, at: number): boolean {
  let bits = 0;
  for (let i = 0; i < 32; i += 4) bits |= view.getInt32(at + i);
  return bits === 0;
}

const BLOCK_LENGTH = 64;
