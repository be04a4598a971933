/**
 * `BlockSplitter`: splits a stream of pcapng into its blocks.
 *
 * @module
 */
import { Failure } from '../failure.ts';

export class BlockSplitter {
  #rest: Buffer = Buffer.alloc(0);

  /** Whether the bytes that have arrived end inside a block. */
  get isUnfinished(): boolean {
    return this.#rest.length > 0;
  }

  /**
   * Returns the blocks that these bytes complete. The blocks are views of `bytes`, or of a copy
   * that also has the unfinished block of the previous call.
   *
   * @throws {Failure} the bytes are not pcapng as a daemon of Litz writes it
   */
  push(bytes: Uint8Array): Buffer[] {
    const piece = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const all = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    // `all` has a copy of the rest. The rest may contain keys, so it is wiped.
    this.#rest.fill(0);
    const blocks: Buffer[] = [];
    let at = 0;
    while (all.length - at >= HEADER_LENGTH) {
      const length = all.readUInt32LE(at + 4);
      if (length < SHORTEST || length > LONGEST || length % 4 !== 0) {
        throw new Failure('the daemon sent something that is not a capture');
      }
      if (all.length - at < length) break;
      blocks.push(all.subarray(at, at + length));
      at += length;
    }
    this.#rest = Buffer.from(all.subarray(at));
    return blocks;
  }
}

/** A block begins with its type and its length. */
const HEADER_LENGTH = 8;
const SHORTEST = 12;
/** In bytes: more than a block with the longest packet and its options. */
const LONGEST: number = 1024 * 1024;
