/**
 * `replaceFile`: a file's new content, whole or not at all: written beside it, synced and renamed.
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { join } from 'node:path';
import type { FileAccess } from './file-access.ts';

/**
 * Whoever reads the file sees the old text or the new one, after a loss of power too. What stands there
 * is replaced, also a link, which is not followed. Remains of earlier attempts are removed.
 *
 * @throws {Error} of the file system; nothing is left behind then
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
      // Whatever the umask is: the other nodes may have another user.
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

/** A node's own, of an agent that ended between writing and renaming. */
async function removeRemains(files: FileAccess, directory: string, mark: string): Promise<void> {
  for (const name of await files.readdir(directory)) {
    if (!name.startsWith(mark) || !REMAINS.test(name.slice(mark.length))) continue;
    await files.unlink(join(directory, name)).catch(() => {});
  }
}

/** Some network file systems can't; the rename has happened all the same. */
async function syncDirectory(files: FileAccess, directory: string): Promise<void> {
  try {
    const handle = await files.open(directory, constants.O_RDONLY);
    await handle.sync().finally(() => handle.close());
  } catch {
    // See above.
  }
}

/** What is in a record is public. */
const MODE = 0o644;
const MAX_MARK = 200;
const REMAINS = /^[0-9a-f]{12}\.tmp$/;
