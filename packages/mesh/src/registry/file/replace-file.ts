/**
 * `replaceFile`: replaces a file completely or not at all: the text is written to a temporary file
 * beside it, synced and renamed.
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { join } from 'node:path';
import type { FileAccess } from './file-access.ts';

/**
 * Replaces a file. A reader sees the old text or the new one, even after a loss of power. A
 * symbolic link is replaced and not followed. Temporary files of earlier attempts are removed.
 *
 * @throws {Error} the error of the file system; no temporary file is left then
 */
export async function replaceFile(
  files: FileAccess,
  directory: string,
  { name, text }: { readonly name: string; readonly text: string },
): Promise<void> {
  const mark = `.litz-${name.slice(0, MAX_MARK)}-`;
  await removeRemains(files, directory, mark);
  const temporary = join(directory, `${mark}${randomBytes(6).toString('hex')}.tmp`);
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
  const handle = await files.open(temporary, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, MODE);
  try {
    try {
      // The mode must not depend on the umask: the other nodes may run as another user.
      await handle.chmod(MODE);
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await files.rename(temporary, join(directory, name));
  } catch (error) {
    await files.unlink(temporary).catch(() => {});
    throw error;
  }
  await syncDirectory(files, directory);
}

/**
 * Removes this node's temporary files, left by an agent that ended between writing and renaming.
 */
async function removeRemains(files: FileAccess, directory: string, mark: string): Promise<void> {
  for (const name of await files.readdir(directory)) {
    if (!name.startsWith(mark) || !REMAINS.test(name.slice(mark.length))) continue;
    await files.unlink(join(directory, name)).catch(() => {});
  }
}

/**
 * Syncs the directory. Some network file systems cannot do that, but the rename has already
 * happened.
 */
async function syncDirectory(files: FileAccess, directory: string): Promise<void> {
  try {
    const handle = await files.open(directory, constants.O_RDONLY);
    await handle.sync().finally(() => handle.close());
  } catch {
    // The file itself is already replaced.
  }
}

/** A record contains only public data. */
const MODE = 0o644;
const MAX_MARK = 200;
const REMAINS = /^[0-9a-f]{12}\.tmp$/;
