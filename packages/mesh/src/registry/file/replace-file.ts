/**
 * `replaceFile`: replaces a file completely or not at all. The text is written to a temporary file
 * in the same directory, which is then synced and renamed.
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../file-error.ts';
import { readRegularFile, type FileAccess } from './file-access.ts';

export interface Replacement {
  /** The name of the file in its directory. */
  readonly name: string;
  readonly text: string;
  /**
   * The text that the caller has read from the file. If `former` is given, the file is replaced
   * only if it still exists and has this text.
   */
  readonly former?: string;
}

/**
 * Replaces a file. A reader sees the old text or the new one, even after a loss of power. A
 * symbolic link is replaced and not followed. Temporary files of earlier attempts are removed.
 *
 * Another program may delete or change the file after the caller has read it. If the file system
 * can exchange two files, as all local file systems of Linux can, such a change is never undone. If
 * the file system cannot exchange files (NFS), a deletion or change within the microseconds before
 * the rename is undone.
 *
 * @returns false if the file was removed or changed since `former` was read; nothing is replaced
 *   then
 * @throws {Error} the error of the file system; no temporary file is left then
 */
export async function replaceFile(
  files: FileAccess,
  directory: string,
  { name, text, former }: Replacement,
): Promise<boolean> {
  const mark = `.litz-${name.slice(0, MAX_MARK)}-`;
  await removeRemains(files, directory, mark);
  const temporary = join(directory, `${mark}${randomBytes(6).toString('hex')}.tmp`);
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
  const handle = await files.open(temporary, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, MODE);
  try {
    try {
      // The permissions must not depend on the umask, because the agents of other nodes may run as
      // another user.
      await handle.chmod(MODE);
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (!(await moveTo(files, join(directory, name), temporary, former))) return false;
  } finally {
    // After a rename, the temporary file no longer exists.
    await files.unlink(temporary).catch(() => {});
  }
  await syncDirectory(files, directory);
  return true;
}

/** @returns false if the file was removed, or has another text than `former` */
async function moveTo(
  files: FileAccess,
  path: string,
  temporary: string,
  former: string | undefined,
): Promise<boolean> {
  if (former === undefined) {
    await files.rename(temporary, path);
    return true;
  }
  try {
    if (!(await files.exchange?.(temporary, path))) {
      const isSame = (await readRegularFile(files, path))?.text === former;
      // Either call throws if the whole directory is gone.
      await (isSame ? files.rename(temporary, path) : files.lstat(temporary));
      return isSame;
    }
    if ((await readRegularFile(files, temporary))?.text === former) return true;
    await files.exchange?.(temporary, path);
    return false;
  } catch (error) {
    // If the temporary file still exists, the file at `path` was removed.
    const isRemoved = errnoOf(error) === 'ENOENT' && (await exists(files, temporary));
    if (isRemoved) return false;
    throw error;
  }
}

async function exists(files: FileAccess, path: string): Promise<boolean> {
  return files.lstat(path).then(
    () => true,
    () => false,
  );
}

/**
 * Removes the temporary files of this node. An agent that ended between writing and renaming has
 * left them.
 */
async function removeRemains(files: FileAccess, directory: string, mark: string): Promise<void> {
  for (const name of await files.readdir(directory)) {
    if (!name.startsWith(mark) || !REMAINS.test(name.slice(mark.length))) continue;
    await files.unlink(join(directory, name)).catch(() => {});
  }
}

/**
 * Syncs the directory. Some network file systems cannot do that. Their error is ignored, because
 * the rename has already happened.
 */
async function syncDirectory(files: FileAccess, directory: string): Promise<void> {
  try {
    const handle = await files.open(directory, constants.O_RDONLY);
    await handle.sync().finally(() => handle.close());
  } catch {
    // The file itself is already replaced.
  }
}

/** Everyone may read the file, because a record contains only public data. */
const MODE = 0o644;
const MAX_MARK = 200;
const REMAINS = /^[0-9a-f]{12}\.tmp$/;
