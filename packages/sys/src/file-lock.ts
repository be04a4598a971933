/**
 * `FileLock`: a lock on a file, which one process at a time can hold. The kernel releases it when
 * that process ends, for whatever reason.
 *
 * @module
 */
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { EAGAIN } from './constants.ts';
import { libc } from './libc.ts';
import { SystemError } from './system-error.ts';

/** Another process holds the lock. */
export class FileLockedError extends Error {
  override readonly name = 'FileLockedError';
  /** The text that the other process wrote into the file. */
  readonly holder: string;

  constructor(path: string, holder: string) {
    super(`${path} is locked by ${holder}`);
    this.holder = holder;
  }
}

/**
 * A lock that this process holds.
 *
 * @example
 *
 * ```ts
 * import { mkdtempSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { FileLock } from '@litz/sys';
 *
 * const path = join(mkdtempSync(join(tmpdir(), 'litz-')), 'lock');
 * const lock = FileLock.take(path, `process ${process.pid}`);
 * lock.close();
 * ```
 */
export class FileLock {
  /** The path of the file. */
  readonly path: string;
  #fd: number;

  /**
   * Takes the lock: makes the file, and writes a text into it that names the holder.
   *
   * @param holder the text; other processes read at most 256 bytes of it
   * @throws {FileLockedError} another process holds the lock
   * @throws {Error} the file cannot be made
   */
  static take(path: string, holder: string): FileLock {
    for (;;) {
      const fd = openLocked(path);
      if (isSameFile(path, fd)) {
        ftruncateSync(fd);
        writeSync(fd, holder);
        return new FileLock(path, fd);
      }
      // The earlier holder removed the file after it was opened here. So the lock is on a file
      // without a name, and the next pass opens a new file.
      closeSync(fd);
    }
  }

  private constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  /** Removes the file and releases the lock. May be called again. */
  close(): void {
    if (this.#fd < 0) return;
    if (isSameFile(this.path, this.#fd)) rmSync(this.path, { force: true });
    closeSync(this.#fd);
    this.#fd = -1;
  }
}

function openLocked(path: string): number {
  const { O_CREAT, O_NOFOLLOW, O_RDWR } = constants;
  const fd = openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
  if (libc().flock(fd, LOCK_EX | LOCK_NB) === 0) return fd;
  const errno = libc().errno();
  const holder = textOf(fd);
  closeSync(fd);
  if (errno === EAGAIN) throw new FileLockedError(path, holder);
  throw new SystemError('flock', errno, `cannot lock ${path}`);
}

/** Returns whether the path still leads to the open file. */
function isSameFile(path: string, fd: number): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.ino === fstatSync(fd).ino;
}

function textOf(fd: number): string {
  const buffer = Buffer.alloc(MOST_BYTES);
  return buffer.toString('utf8', 0, readSync(fd, buffer, 0, MOST_BYTES, 0));
}

/** sys/file.h */
const LOCK_EX = 2;
const LOCK_NB = 4;
const MOST_BYTES = 256;
