/**
 * `BatchSizes`: counts the batches of one direction by their size. Counting allocates nothing.
 *
 * @module
 */

/**
 * A distribution of batches by their size; a copy. For batches from the sockets, the sizes are
 * numbers of datagrams instead of packets.
 */
export interface BatchStats {
  /**
   * The number of batches with 1 packet, with 2, with 3 to 4, with 5 to 8, and so on
   * (`BATCH_LIMITS`). The last number counts all larger batches.
   */
  readonly counts: readonly number[];
  /** The packets of all batches together. */
  readonly packets: number;
}

export class BatchSizes {
  readonly #counts: Float64Array = new Float64Array(BATCH_LIMITS.length + 1);
  #packets = 0;

  /** Counts a batch. An empty batch is not counted. */
  add(packets: number): void {
    if (packets === 0) return;
    // The binary logarithm, rounded up.
    const power = 32 - Math.clz32(packets - 1);
    const index = Math.min(power, BATCH_LIMITS.length);
    this.#counts[index]! += 1;
    this.#packets += packets;
  }

  toJSON(): BatchStats {
    return { counts: [...this.#counts], packets: this.#packets };
  }
}

/**
 * The largest batch of each class of `BatchStats.counts`. The last class has no limit, so it has no
 * number here.
 */
export const BATCH_LIMITS: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
