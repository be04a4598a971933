/**
 * `FileLock`: a file that one process at a time has. The kernel takes the lock away when that process
 * ends, however it ends.
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

/** Another process has the lock. */
export class FileLockedError extends Error {
  override readonly name = 'FileLockedError';
  /** The text that the other process has left there. */
  readonly holder: string;

  constructor(path: string, holder: string) {
    super(`${path} is locked by ${holder}`);
    this.holder = holder;
  }
}

export class FileLock {
  readonly path: string;
  #fd: number;

  /**
   * Makes the file, and leaves a text in it that says who has it.
   *
   * @throws {FileLockedError} another process has it
   * @throws {Error} the file can't be made
   */
  static take(path: string, holder: string): FileLock {
    for (;;) {
      const fd = openLocked(path);
      if (isThere(path, fd)) {
        ftruncateSync(fd);
        writeSync(fd, holder);
        return new FileLock(path, fd);
      }
      // Whoever had it has removed it between the two calls.
      closeSync(fd);
    }
  }

  private constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  /** Removes the file, and lets others have it. */
  close(): void {
    if (this.#fd < 0) return;
    if (isThere(this.path, this.#fd)) rmSync(this.path, { force: true });
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

/** Whether the name still leads to the file that is open. */
function isThere(path: string, fd: number): boolean {
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
