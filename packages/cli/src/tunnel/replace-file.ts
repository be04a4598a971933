/**
 * `replaceFile`: replaces the text of a file in one step.
 *
 * @module
 */
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { Failure } from '../failure.ts';

/**
 * The file keeps owner and permissions. A symbolic link stays; the file that it leads to is
 * replaced. A reader sees the old or the new text, also after the machine has lost power.
 *
 * @throws {Failure} the text cannot be written; the file is unchanged
 */
export function replaceFile(path: string, text: string): void {
  let temporary: string | undefined;
  try {
    const file = realpathSync(path);
    const { mode, uid, gid } = statSync(file);
    temporary = `${file}.litz-${process.pid}`;
    rmSync(temporary, { force: true });
    // The text has keys, so only the owner may read the new file until the file has its final
    // permissions.
    const fd = openSync(temporary, 'wx', 0o600);
    try {
      writeFileSync(fd, text);
      // These calls use the descriptor, because a user who may write to the folder could have put a
      // link to another file at the path.
      fchownSync(fd, uid, gid);
      fchmodSync(fd, mode & 0o7777);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, file);
    syncFolder(dirname(file));
  } catch (error) {
    if (temporary !== undefined) rmSync(temporary, { force: true });
    const { code = String(error) } = error as NodeJS.ErrnoException;
    throw new Failure(`cannot write ${path}: ${code}; it is unchanged`, { cause: error });
  }
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } catch {
    // Some file systems cannot sync a folder.
  } finally {
    closeSync(fd);
  }
}
