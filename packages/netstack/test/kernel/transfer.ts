/**
 * `Sender` and `Receiver`: one stream of bytes from one end of a connection to the other, with a
 * SHA-256 at each end.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { seededRandomBytes } from '@litz/testkit';
import type { Program } from './network.ts';
import type { Stream } from './stream.ts';

/** Writes the bytes of a stream, then ends it. */
export class Sender implements Program {
  sent = 0;
  readonly total: number;
  readonly #stream: Stream;
  readonly #hash = createHash('sha256');
  #hasEnded = false;

  constructor(stream: Stream, total: number) {
    this.#stream = stream;
    this.total = total;
  }

  get isOver(): boolean {
    return this.#hasEnded || this.#stream.error !== undefined;
  }

  step(): boolean {
    if (this.#hasEnded) return false;
    for (let turn = 0; turn < 16 && this.sent < this.total; turn++) {
      const at = this.sent % DATA.length;
      const length = Math.min(LONGEST_CALL, DATA.length - at, this.total - this.sent);
      const count = this.#stream.write(DATA, at, length);
      if (count <= 0) return turn > 0;
      this.#hash.update(DATA.subarray(at, at + count));
      this.sent += count;
    }
    if (this.sent < this.total) return true;
    this.#stream.end();
    this.#hasEnded = true;
    return true;
  }

  digest(): string {
    return this.#hash.digest('hex');
  }
}

/** Reads a stream until its end. */
export class Receiver implements Program {
  received = 0;
  readonly #stream: Stream;
  readonly #hash = createHash('sha256');
  readonly #buffer = new Uint8Array(new ArrayBuffer(LONGEST_CALL));

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  get isOver(): boolean {
    return this.#stream.isEnded || this.#stream.error !== undefined;
  }

  step(): boolean {
    for (let turn = 0; turn < 16; turn++) {
      const count = this.#stream.read(this.#buffer, 0, this.#buffer.length);
      if (count <= 0) return turn > 0;
      this.#hash.update(this.#buffer.subarray(0, count));
      this.received += count;
    }
    return true;
  }

  digest(): string {
    return this.#hash.digest('hex');
  }
}

const LONGEST_CALL = 65_536;
/** A prime length, so that bytes in the wrong place do not look right. */
const DATA = new Uint8Array(new ArrayBuffer(1_000_003));
seededRandomBytes(7)(DATA);
