/**
 * Reads and writes a descriptor without an object per call.
 *
 * An address is a number above 2^31, which V8 makes an object of whenever it is handed to a function.
 * So the buffer's address is written into a struct iovec, and the vector's own address, which never
 * changes, is the one that is handed over (readv(2), writev(2)).
 *
 * ```
 * struct iovec: void *base (8) | size_t length (8)
 * ```
 *
 * @module
 */
import { addressOf, allocate, checkBytes, checkInteger, checkSpan, libc } from '@litz/sys';

const VECTOR_LENGTH = 16;
const WORDS = VECTOR_LENGTH / 4;
/** Pieces of one write: more than the packets of any super-packet. UIO_MAXIOV is 1024. */
const CAPACITY = 256;

/**
 * Both return what C returns: -1 for a failure, and `libc().errno()` says which. What they are given was
 * checked: nothing is looked at here.
 */
export interface PacketVector {
  /** Into `length` bytes at `offset`; the buffer is borrowed for the call. */
  read(buffer: Uint8Array, offset: number, length: number): number;
  /** `length` bytes at `offset`, borrowed for the call. */
  write(buffer: Uint8Array, offset: number, length: number): number;
  /** The first `count`, at most 256, pieces one behind the other, borrowed for the call. */
  writePieces(
    buffer: Uint8Array,
    offsets: Uint32Array,
    lengths: Uint32Array,
    count: number,
  ): number;
}

export function createPacketVector(fd: number): PacketVector {
  const library = libc();
  const vector = allocate(VECTOR_LENGTH * CAPACITY);
  const { buffer: memory, byteOffset } = vector.bytes;
  const words = new Uint32Array(memory, byteOffset, WORDS * CAPACITY);
  // A constant of this function is kept as it is; a field would be made an object at each look.
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
 * That all pieces stand within the buffer.
 *
 * @throws {TypeError} `buffer` is no Uint8Array, or `offsets` or `lengths` no Uint32Array
 * @throws {RangeError} `count` is none from 0 to 256 or more than there are; a piece is out of the buffer
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
