/**
 * `syncFolder`: writes the names in a directory to the disk. Without this, a file that was renamed
 * may have its old content, or be missing, after a loss of power.
 *
 * @module
 */
import { closeSync, fsyncSync, openSync } from 'node:fs';

/** @throws {Error} the error of the file system */
export function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
