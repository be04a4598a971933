/**
 * `ReceivedBatch`: collects the received datagrams of one batch. So other threads can open some of
 * them before the packet loop processes all of them in order.
 *
 * @module
 */
import type { Endpoint } from '@litz/core';
import type { DatagramSink } from './io-interfaces.ts';

export class ReceivedBatch {
  readonly #offsets: number[] = [];
  readonly #lengths: number[] = [];
  readonly #ecn: number[] = [];
  readonly #buffers: Uint8Array[] = [];
  readonly #sources: Endpoint[] = [];
  #count = 0;

  /** How many datagrams there are. */
  get count(): number {
    return this.#count;
  }

  /** Adds a datagram. Its bytes are borrowed until `clear`. */
  // oxlint-disable-next-line max-params -- the signature of a sink
  add(buffer: Uint8Array, offset: number, length: number, source: Endpoint, ecn: number): void {
    const i = this.#count++;
    this.#buffers[i] = buffer;
    this.#offsets[i] = offset;
    this.#lengths[i] = length;
    this.#sources[i] = source;
    this.#ecn[i] = ecn;
  }

  /** Passes all datagrams to `sink`, in the order in which they were added. */
  forEach(sink: DatagramSink): void {
    for (let i = 0; i < this.#count; i++) {
      sink(
        this.#buffers[i]!,
        this.#offsets[i]!,
        this.#lengths[i]!,
        this.#sources[i]!,
        this.#ecn[i]!,
      );
    }
  }

  clear(): void {
    this.#count = 0;
  }
}
