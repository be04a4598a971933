/**
 * `replaceStateFile`, `tryWriting`, `readStateFile`: write and read files in the state directory of
 * this node.
 *
 * @module
 */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { explainFileError } from '../file-error.ts';
import { syncFolder } from './sync-folder.ts';

/**
 * Writes a file completely or not at all. The content is written to a temporary file, which is
 * synced and renamed. A missing directory is created with mode 0700. The content is on the disk
 * when this function returns. Only the owner can read the file.
 *
 * @param content the bytes, or a series of pieces, so that a large file is never in memory as a
 *   whole; borrowed for the call
 * @param modifiedAt the modification time, as Unix time in milliseconds; default: now
 * @throws {Error} the error of the file system; the previous file is kept
 */
export function replaceStateFile(
  path: string,
  content: Uint8Array | Iterable<Uint8Array>,
  modifiedAt?: number,
): void {
  const pieces = content instanceof Uint8Array ? [content] : content;
  makeStateFolder(dirname(path));
  const temporary = `${path}.${process.pid}.new`;
  rmSync(temporary, { force: true });
  const fd = openSync(temporary, 'wx', 0o600);
  try {
    // On a full disk, `writeSync` may write only a part. A file with half of the content would
    // prevent the next agent from starting.
    for (const piece of pieces) {
      if (writeSync(fd, piece) !== piece.length) throw new Error('ENOSPC: not all was written');
    }
    if (modifiedAt !== undefined) utimesSync(temporary, modifiedAt / 1000, modifiedAt / 1000);
    fsyncSync(fd);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  syncFolder(dirname(path));
}

/**
 * Makes the directory, which only its owner may use, if it does not exist.
 *
 * @throws {Error} the error of the file system
 */
export function makeStateFolder(folder: string): void {
  const mode = 0o700;
  try {
    mkdirSync(folder, { recursive: true, mode });
  } catch (error) {
    // On a read-only file system, Node.js reports ENOENT with `recursive`, and EROFS without it.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') mkdirSync(folder, { mode });
    throw error;
  }
}

/**
 * Calls `write`, which may fail without harm to the agent. Returns true if `write` succeeded.
 *
 * @param path the path that `write` writes; the reason names it
 * @param onTrouble called with the reason for a failure, or with undefined after a success
 */
export function tryWriting(
  path: string,
  write: () => void,
  onTrouble: (trouble: string | undefined) => void,
): boolean {
  try {
    write();
  } catch (error) {
    onTrouble(`${path} cannot be written: ${explainFileError(error)}`);
    return false;
  }
  onTrouble(undefined);
  return true;
}

/**
 * Returns the first `maxBytes` bytes of a file as text; undefined if there is no file. Follows no
 * symbolic link and never blocks on a pipe.
 *
 * @throws {StateFileTypeError} `path` is not a regular file
 * @throws {Error} the error of the file system
 */
export function readStateFile(path: string, maxBytes: number): string | undefined {
  let fd = -1;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const status = fstatSync(fd);
    if (!status.isFile()) throw new StateFileTypeError();
    const buffer = Buffer.alloc(Math.min(status.size, maxBytes));
    return buffer.toString('utf8', 0, readSync(fd, buffer));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  } finally {
    if (fd !== -1) closeSync(fd);
  }
}

/** `readStateFile` found a directory, a pipe or a device at the path of the file. */
export class StateFileTypeError extends Error {
  override readonly name = 'StateFileTypeError';

  constructor() {
    super('is not a regular file');
  }
}
