/**
 * `syncFolder`: the names in a folder, on the disk. Without it a file that was renamed may have its old
 * content, or none, after a loss of power.
 *
 * @module
 */
import { closeSync, fsyncSync, openSync } from 'node:fs';

/** @throws {Error} of the file system */
export function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
