/**
 * `PacketVector`: reads and writes a descriptor without allocating an object per call.
 *
 * An address is a number above 2^31, and V8 allocates an object for such a number when it is passed
 * to a function. So the address of the buffer is written into a struct iovec, and the constant
 * address of that iovec is passed instead (readv(2), writev(2)).
 *
 * ```
 * struct iovec: void *base (8) | size_t length (8)
 * ```
 *
 * @module
 */
import { addressOf, allocate, checkBytes, checkInteger, checkSpan, libc } from '@litz/sys';

/**
 * Functions that read and write one descriptor. They return the number of bytes, or -1 after a
 * failure, as the C functions do. `libc().errno()` then has the reason. The caller must have
 * checked the arguments.
 */
export interface PacketVector {
  /** Reads into `length` bytes at `offset`. The buffer is borrowed for the call. */
  read(buffer: Uint8Array, offset: number, length: number): number;
  /** Writes `length` bytes at `offset`, borrowed for the call. */
  write(buffer: Uint8Array, offset: number, length: number): number;
  /**
   * Writes the first `count` pieces (at most 256) as one packet. They are borrowed for the call.
   */
  writePieces(
    buffer: Uint8Array,
    offsets: Uint32Array,
    lengths: Uint32Array,
    count: number,
  ): number;
}

/** Returns the functions for a descriptor. The caller keeps the descriptor and closes it. */
export function createPacketVector(fd: number): PacketVector {
  const library = libc();
  const vector = allocate(VECTOR_LENGTH * CAPACITY);
  const { buffer: memory, byteOffset } = vector.bytes;
  const words = new Uint32Array(memory, byteOffset, WORDS * CAPACITY);
  // The address is a constant of this closure, because V8 allocates an object each time when such a
  // number is read from a field.
  const { address } = vector;
  const point = (index: number, base: number, length: number): void => {
    words[index] = base >>> 0;
    words[index + 1] = Math.floor(base / 2 ** 32);
    words[index + 2] = length;
  };
  return {
    read(buffer, offset, length) {
      point(0, addressOf(buffer) + offset, length);
      return library.readv(fd, address, 1);
    },
    write(buffer, offset, length) {
      point(0, addressOf(buffer) + offset, length);
      return library.writev(fd, address, 1);
    },
    writePieces(buffer, offsets, lengths, count) {
      const base = addressOf(buffer);
      for (let i = 0; i < count; i++) point(i * WORDS, base + offsets[i], lengths[i]);
      return library.writev(fd, address, count);
    },
  };
}

/**
 * Checks that all pieces are within the buffer.
 *
 * @throws {TypeError} `buffer` is not a Uint8Array, or `offsets` or `lengths` is not a Uint32Array
 * @throws {RangeError} `count` is not an integer from 0 to 256, or is larger than the number of
 *   pieces; or a piece is outside the buffer
 */
export function checkPieces(
  buffer: Uint8Array,
  offsets: Uint32Array,
  lengths: Uint32Array,
  count: number,
): void {
  checkBytes('buffer', buffer);
  checkNumbers('offsets', offsets);
  checkNumbers('lengths', lengths);
  checkInteger('count', count, 0, Math.min(CAPACITY, offsets.length, lengths.length));
  const { length } = buffer;
  for (let i = 0; i < count; i++) {
    if (offsets[i] + lengths[i] > length) checkSpan(buffer, offsets[i], lengths[i]);
  }
}

function checkNumbers(name: string, value: unknown): void {
  if (value instanceof Uint32Array) return;
  throw new TypeError(`"${name}" expected a Uint32Array, got ${typeof value}`);
}

const VECTOR_LENGTH = 16;
const WORDS = VECTOR_LENGTH / 4;
/**
 * The most pieces of one write: the default capacity of a `Coalescer`. Linux allows 1024
 * (UIO_MAXIOV).
 */
const CAPACITY = 256;
