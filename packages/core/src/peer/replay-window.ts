/**
 * `ReplayWindow`: which counters of a session were seen already, section 5.4.6.
 *
 * RFC 6479: a ring of blocks instead of a bitmap that is shifted. Counters map to bits by their
 * place modulo 8192; going forward only clears the blocks between the old and the new front.
 *
 * ```
 *   block   0      1      2      3      4            254    255     32 bits each, 256 of them
 *        +------+------+------+------+------+- - -+------+------+
 *        | seen | seen | 1101 | .... | old  |     | old  | seen |   wraps round
 *        +------+------+------+------+------+- - -+------+------+
 *                         ^ front: the greatest counter accepted
 *                           everything to its left, round the ring, is older
 * ```
 * 8192 bits, of which 64 are never relied upon (the kernel's redundant word), so a counter may be
 * 8128 behind the greatest one. Counters are numbers from 0 to 2^53 - 1: the high part never meets
 * a bit operation.
 *
 * It does not authenticate: ask only after the message was opened.
 *
 * @module
 */

export class ReplayWindow {
  // Most idle peers hold a session that never received anything: no blocks until they are needed.
  #blocks: Uint32Array | undefined = undefined;
  #greatest = -1;

  /** Whether `accept` would take this counter. Marks nothing. */
  check(counter: number): boolean {
    if (counter > this.#greatest) return true;
    if (this.#blocks === undefined || this.#greatest - counter > WINDOW) return false;
    return (this.#blocks[blockOf(counter) % BLOCKS] & bitOf(counter)) === 0;
  }

  /** Marks the counter as seen. False if it was seen before or is too old to tell. */
  accept(counter: number): boolean {
    this.#blocks ??= new Uint32Array(BLOCKS);
    if (counter > this.#greatest) this.#advance(this.#blocks, counter);
    else if (this.#greatest - counter > WINDOW) return false;
    const index = blockOf(counter) % BLOCKS;
    const bit = bitOf(counter);
    if ((this.#blocks[index] & bit) !== 0) return false;
    this.#blocks[index] |= bit;
    return true;
  }

  /** Moves the front, and clears the blocks that it comes into, at most the whole ring. */
  #advance(blocks: Uint32Array, counter: number): void {
    const front = blockOf(counter);
    const fresh = Math.min(front - blockOf(this.#greatest), BLOCKS);
    const first = (front - fresh + 1) % BLOCKS;
    for (let i = 0; i < fresh; i++) blocks[(first + i) % BLOCKS] = 0;
    this.#greatest = counter;
  }
}

/** Up to 2^48: not a number for bit operations. -1 for the counter -1 of an empty window. */
function blockOf(counter: number): number {
  return Math.floor(counter / BLOCK_BITS);
}

function bitOf(counter: number): number {
  return 1 << (counter % BLOCK_BITS);
}

const BLOCK_BITS = 32;
const BLOCKS = 256;
/** How far behind the greatest counter one may be (kernel: COUNTER_WINDOW_SIZE). */
const WINDOW: number = BLOCKS * BLOCK_BITS - 64;
