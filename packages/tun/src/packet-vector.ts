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
import { addressOf, allocate, libc } from '@litz/sys';

const VECTOR_LENGTH = 16;

/** Both return what C returns: -1 for a failure, and `libc().errno()` says which. */
export interface PacketVector {
  /** Into `length` bytes at `offset`; the buffer is borrowed for the call. */
  read(buffer: Uint8Array, offset: number, length: number): number;
  /** `length` bytes at `offset`, borrowed for the call. */
  write(buffer: Uint8Array, offset: number, length: number): number;
}

export function createPacketVector(fd: number): PacketVector {
  const library = libc();
  const vector = allocate(VECTOR_LENGTH);
  const words = new Uint32Array(vector.bytes.buffer, vector.bytes.byteOffset, VECTOR_LENGTH / 4);
  // A constant of this function is kept as it is; a field would be made an object at each look.
  const { address } = vector;
  const point = (buffer: Uint8Array, offset: number, length: number): void => {
    const base = addressOf(buffer) + offset;
    words[0] = base >>> 0;
    words[1] = Math.floor(base / 2 ** 32);
    words[2] = length;
  };
  return {
    read(buffer, offset, length) {
      point(buffer, offset, length);
      return library.readv(fd, address, 1);
    },
    write(buffer, offset, length) {
      point(buffer, offset, length);
      return library.writev(fd, address, 1);
    },
  };
}
