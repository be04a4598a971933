/**
 * `ReplayWindow`: remembers which counters of a session were received, section 5.4.6 of the
 * WireGuard paper.
 *
 * As in RFC 6479, the window is a ring of blocks, not a bitmap that is shifted. A counter maps to
 * the bit at its value modulo 8192. When the window moves forward, only the blocks between the old
 * and the new front are cleared.
 *
 * ```
 *   block   0      1      2      3      4            254    255     32 bits each, 256 of them
 *        +------+------+------+------+------+- - -+------+------+
 *        | seen | seen | 1101 | .... | old  |     | old  | seen |   wraps round
 *        +------+------+------+------+------+- - -+------+------+
 *                         ^ front: the greatest counter accepted
 *                           everything to its left, round the ring, is older
 * ```
 * There are 8192 bits. As in the kernel, 64 of them are a reserve, so a counter may be up to 8128
 * behind the greatest one. Counters are numbers from 0 to 2^53 - 1. Bit operations are applied only
 * to their low part.
 *
 * The window does not authenticate, so use it only after the message was opened.
 *
 * @module
 */
import type { StateCodec } from '../hand-over/state-codec.ts';

export class ReplayWindow {
  // The blocks are allocated at the first message, because most idle peers have a session that
  // never received a message.
  #blocks: Uint32Array | undefined = undefined;
  #greatest = -1;

  /** Returns whether `accept` would accept this counter. Changes nothing. */
  check(counter: number): boolean {
    if (counter > this.#greatest) return true;
    if (this.#blocks === undefined || this.#greatest - counter > WINDOW) return false;
    return (this.#blocks[blockOf(counter) % BLOCKS] & bitOf(counter)) === 0;
  }

  /**
   * Marks the counter as received. Returns false if it was received before, or if it is older than
   * the window reaches.
   */
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

  /** Writes or reads the window, for a hand-over. */
  code(codec: StateCodec): void {
    this.#greatest = codec.number(this.#greatest);
    if (!codec.flag(this.#blocks !== undefined)) return;
    this.#blocks ??= new Uint32Array(BLOCKS);
    codec.bytes(new Uint8Array(this.#blocks.buffer));
  }

  /** Moves the front, and clears the blocks that it enters, at most the whole ring. */
  #advance(blocks: Uint32Array, counter: number): void {
    const front = blockOf(counter);
    const fresh = Math.min(front - blockOf(this.#greatest), BLOCKS);
    const first = (front - fresh + 1) % BLOCKS;
    for (let i = 0; i < fresh; i++) blocks[(first + i) % BLOCKS] = 0;
    this.#greatest = counter;
  }
}

/**
 * The block number is up to 2^48, too large for bit operations. It is -1 for the counter -1 of an
 * empty window.
 */
function blockOf(counter: number): number {
  return Math.floor(counter / BLOCK_BITS);
}

function bitOf(counter: number): number {
  return 1 << (counter % BLOCK_BITS);
}

const BLOCK_BITS = 32;
const BLOCKS = 256;
/** How far a counter may be behind the greatest one (kernel: COUNTER_WINDOW_SIZE). */
const WINDOW: number = BLOCKS * BLOCK_BITS - 64;
