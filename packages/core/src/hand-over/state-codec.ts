/**
 * `StateCodec`: one description of the state for both directions. To code a value is to write it or
 * to read it. Each method takes the present value and returns the value that holds from now on;
 * only `bytes` changes its argument instead. A `StateWriter` writes the present value and returns
 * it. A `StateReader` ignores the present value and returns the value that was written. So one
 * function both writes and reads a part of the state, and the order is always the same.
 *
 * @module
 */

/** Writes or reads the parts of a state, in order. */
export interface StateCodec {
  /**
   * Whether the state is read. If so, the caller must create the objects that the state contains.
   */
  readonly isReading: boolean;
  /** Any number, infinities included. */
  number(value: number): number;
  flag(value: boolean): boolean;
  /**
   * Bytes whose length is not written, because both sides know it. A reader fills `bytes`; a writer
   * writes `bytes`.
   */
  bytes(bytes: Uint8Array): void;
  /** Bytes of any length; undefined is possible. Bytes that were read are a new copy. */
  optional(bytes: Uint8Array | undefined): Uint8Array | undefined;
  /** A short text without characters beyond U+00FF. */
  text(value: string): string;
}
