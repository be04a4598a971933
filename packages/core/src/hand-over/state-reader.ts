/**
 * `StateReader`: the `StateCodec` that reads a state from bytes.
 *
 * @module
 */
import { secretCopy } from '../crypto/secret-bytes.ts';
import type { StateCodec } from './state-codec.ts';

/** Reads a state from bytes. They are borrowed while the reader is used. */
export class StateReader implements StateCodec {
  readonly isReading = true;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Whether everything was read. */
  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /**
   * @throws {RangeError} too few bytes are left; the other methods that read throw this error too
   */
  number(): number {
    return this.#view.getFloat64(this.#advance(8), true);
  }

  flag(): boolean {
    return this.#view.getUint8(this.#advance(1)) === 1;
  }

  bytes(bytes: Uint8Array): void {
    const at = this.#advance(bytes.length);
    bytes.set(this.#bytes.subarray(at, at + bytes.length));
  }

  optional(): Uint8Array | undefined {
    const length = this.#view.getUint32(this.#advance(4), true) - 1;
    if (length < 0) return undefined;
    const at = this.#advance(length);
    return secretCopy(this.#bytes.subarray(at, at + length));
  }

  text(): string {
    return String.fromCharCode(...(this.optional() ?? []));
  }

  #advance(length: number): number {
    const at = this.#at;
    if (length > this.#bytes.length - at) {
      throw new RangeError('the state ends too early');
    }
    this.#at += length;
    return at;
  }
}
