/**
 * `SharedMemory`: a file in memory, without a name (memfd_create(2)). Its descriptor passes bytes
 * of any length to another process. The memory is freed when the last descriptor is closed.
 *
 * @module
 */
import { fstatSync, readSync, writeSync } from 'node:fs';
import { libc } from './libc.ts';
import { check } from './system-error.ts';

export class SharedMemory {
  #fd: number;

  /** @internal Takes ownership of the descriptor that another process passed. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Makes a file with these bytes, which are borrowed for the call.
   *
   * @throws {SystemError} no descriptors are left; the kernel is older than 3.17
   */
  static from(bytes: Uint8Array): SharedMemory {
    const memory = new SharedMemory(
      check(libc().memfd_create('litz', MFD_CLOEXEC), 'memfd_create'),
    );
    try {
      for (let at = 0; at < bytes.length;) {
        at += writeSync(memory.#fd, bytes, at, bytes.length - at, at);
      }
      return memory;
    } catch (error) {
      memory.close();
      throw error;
    }
  }

  get fd(): number {
    return this.#fd;
  }

  /** Returns a copy of all bytes. */
  read(): Uint8Array {
    const bytes = new Uint8Array(new ArrayBuffer(fstatSync(this.#fd).size));
    for (let at = 0; at < bytes.length;) {
      const read = readSync(this.#fd, bytes, at, bytes.length - at, at);
      if (read === 0) break;
      at += read;
    }
    return bytes;
  }

  /** Overwrites all bytes with zeros, also for the other process. */
  wipe(): void {
    const { size } = fstatSync(this.#fd);
    const zeros = new Uint8Array(Math.min(size, CHUNK));
    for (let at = 0; at < size;) {
      at += writeSync(this.#fd, zeros, 0, Math.min(zeros.length, size - at), at);
    }
  }

  /** May be called again. */
  close(): void {
    if (this.#fd >= 0) libc().close(this.#fd);
    this.#fd = -1;
  }
}

const MFD_CLOEXEC = 1;
const CHUNK = 65_536;
