/**
 * `CaptureWriter`: writes a capture that arrives in pieces, until a limit on its packets or bytes
 * is reached. It writes only whole blocks.
 *
 * @module
 */
import { BlockSplitter } from './block-splitter.ts';
import type { CaptureOutput } from './capture-output.ts';

/** Where to write, and when to end. */
export interface CaptureWriterOptions {
  readonly output: CaptureOutput;
  /** Where the key log is written, if the user wants it in a file of its own. */
  readonly keys?: CaptureOutput | undefined;
  /** Whether the key log is written into `output`. */
  readonly embedsKeys: boolean;
  /** The largest number of packets in the output. */
  readonly count: number;
  /** The longest output in bytes. */
  readonly size: number;
}

export class CaptureWriter {
  /** Packets in the output. */
  packets = 0;
  /** Packets that the daemon left out, because this program read too slowly. Known at the end. */
  lost = 0;
  /** Handshakes in the key log. */
  handshakes = 0;
  /** Why the daemon has ended the capture. Known at the end; undefined: the daemon did not say. */
  reason: string | undefined = undefined;
  readonly #options: CaptureWriterOptions;
  readonly #splitter: BlockSplitter = new BlockSplitter();
  #length = 0;
  #isFull = false;
  #hasStatistics = false;

  constructor(options: CaptureWriterOptions) {
    this.#options = options;
  }

  /** Whether a limit is reached. After that, `output` gets only the statistics. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Whether the whole capture has arrived: its last blocks are statistics. */
  get isComplete(): boolean {
    return this.#hasStatistics && !this.#splitter.isUnfinished;
  }

  /**
   * Writes the next piece. The bytes are borrowed until the promise is settled, and wiped then.
   *
   * @throws {Failure} (rejects) `CaptureOutput.write` failed, or the bytes are not a capture
   */
  async push(bytes: Uint8Array): Promise<void> {
    try {
      const blocks = this.#splitter.push(bytes);
      const { keys, output } = this.#options;
      // The keys are written first, so that a program that reads both files has the keys before the
      // packets.
      for (const block of keys ? blocks : []) {
        if (typeOf(block) === SECRETS) await keys!.write(textOf(block));
      }
      const wanted = blocks.filter((block) => this.#takes(block));
      if (wanted.length === 0) return;
      const joined = wanted.length === 1 ? wanted[0]! : Buffer.concat(wanted);
      try {
        await output.write(joined);
      } finally {
        joined.fill(0);
      }
    } finally {
      bytes.fill(0);
    }
  }

  /** Counts a block, and returns whether the block belongs into the output. */
  #takes(block: Buffer): boolean {
    const type = typeOf(block);
    if (type === STATISTICS) {
      this.#hasStatistics = true;
      this.lost += optionOf(block, OPTION_DROPPED)?.readUInt32LE(0) ?? 0;
      this.reason ??= optionOf(block, OPTION_COMMENT)?.toString('utf8');
      // The reserved bytes are enough for the statistics, but perhaps not for a long reason. So the
      // length is checked.
      this.#length += block.length;
      return this.#length <= this.#options.size;
    }
    if (type === SECRETS) {
      this.handshakes++;
      if (!this.#options.embedsKeys) return false;
    }
    const { size, count } = this.#options;
    this.#isFull ||= this.#length + block.length > size - STATISTICS_LENGTH;
    if (this.#isFull) return false;
    this.#length += block.length;
    if (type === PACKET && ++this.packets >= count) this.#isFull = true;
    return true;
  }
}

function typeOf(block: Buffer): number {
  return block.readUInt32LE(0);
}

/** Returns the key log in a block; a view. */
function textOf(block: Buffer): Buffer {
  return block.subarray(SECRETS_OFFSET, SECRETS_OFFSET + block.readUInt32LE(SECRETS_OFFSET - 4));
}

/** Returns the value of an option in a block of statistics; a view. */
function optionOf(block: Buffer, wanted: number): Buffer | undefined {
  for (let at = OPTIONS_OFFSET; at + 8 <= block.length;) {
    const code = block.readUInt16LE(at);
    const length = block.readUInt16LE(at + 2);
    if (code === wanted) return block.subarray(at + 4, at + 4 + length);
    if (code === 0) break;
    at += 4 + ((length + 3) & ~3);
  }
  return undefined;
}

/** Types of blocks. */
const STATISTICS = 5;
const PACKET = 6;
const SECRETS = 10;
/** Where the secrets begin in their block. */
const SECRETS_OFFSET = 16;
/** Where the options of the statistics begin. */
const OPTIONS_OFFSET = 20;
const OPTION_COMMENT = 1;
const OPTION_DROPPED = 5;
/**
 * The bytes that are reserved at the end of the output for the statistics of both sides, inner and
 * outer.
 */
const STATISTICS_LENGTH = 160;
