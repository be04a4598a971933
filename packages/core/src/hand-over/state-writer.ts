/**
 * `StateWriter`: the `StateCodec` that writes a state as bytes.
 *
 * @module
 */
import { secretBytes } from '../crypto/secret-bytes.ts';
import { wipe } from '../crypto/wipe.ts';
import type { StateCodec } from './state-codec.ts';

/** Collects a state as bytes. It contains keys, so call `wipe` at the end. */
export class StateWriter implements StateCodec {
  readonly isReading = false;
  #bytes = secretBytes(INITIAL_LENGTH);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** A view of what was written; valid until the next write. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  number(value: number): number {
    const at = this.#advance(8);
    this.#view.setFloat64(at, value, true);
    return value;
  }

  flag(value: boolean): boolean {
    const at = this.#advance(1);
    this.#view.setUint8(at, value ? 1 : 0);
    return value;
  }

  bytes(bytes: Uint8Array): void {
    const at = this.#advance(bytes.length);
    this.#bytes.set(bytes, at);
  }

  optional(bytes: Uint8Array | undefined): Uint8Array | undefined {
    const at = this.#advance(4);
    this.#view.setUint32(at, bytes ? bytes.length + 1 : 0, true);
    if (bytes) this.bytes(bytes);
    return bytes;
  }

  text(value: string): string {
    this.optional(Uint8Array.from(value, (character) => character.charCodeAt(0)));
    return value;
  }

  wipe(): void {
    wipe(this.#bytes);
  }

  /** Makes space for `length` bytes, and returns where it begins. */
  #advance(length: number): number {
    const at = this.#length;
    this.#length += length;
    if (this.#length > this.#bytes.length) this.#grow();
    return at;
  }

  /** Moves the state to larger memory, and wipes the old memory, which contains keys. */
  #grow(): void {
    const larger = secretBytes(Math.max(this.#bytes.length * 2, this.#length));
    larger.set(this.#bytes);
    wipe(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

const INITIAL_LENGTH = 16_384;
