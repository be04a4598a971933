/**
 * `FileAccess`: what the file registry needs of the file system, and what its errors mean.
 *
 * @module
 */
import { constants } from 'node:fs';
import type * as promises from 'node:fs/promises';

export type FileAccess = Pick<
  typeof promises,
  'lstat' | 'mkdir' | 'open' | 'readdir' | 'rename' | 'stat' | 'unlink'
>;

/** What stands in a file, and why it can't be read where it can't. */
export type FileContent =
  | { readonly text: string; readonly reason?: undefined }
  | { readonly text?: undefined; readonly reason: string };

/**
 * The text of a file of this directory; undefined where there is none. Links are not followed, and
 * nothing is waited for: a pipe of that name can't stop the registry.
 */
export async function readRegularFile(
  files: FileAccess,
  path: string,
): Promise<FileContent | undefined> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  let handle: promises.FileHandle;
  try {
    handle = await files.open(path, flags);
  } catch (error) {
    const code = errnoOf(error);
    return code === 'ENOENT' ? undefined : { reason: explainFileError(error) };
  }
  try {
    const state = await handle.stat();
    if (!state.isFile()) return { reason: state.isDirectory() ? 'is a directory' : 'is no file' };
    if (state.size > MAX_BYTES) return { reason: `has more than ${MAX_BYTES} bytes` };
    // A file that grows meanwhile is read again, since its time has changed.
    const bytes = Buffer.alloc(state.size);
    const length = await readAll(handle, bytes);
    return { text: bytes.toString('utf8', 0, length) };
  } catch (error) {
    return { reason: explainFileError(error) };
  } finally {
    await handle.close().catch(() => {});
  }
}

/** What went wrong, in words, with the errno behind it. */
export function explainFileError(error: unknown): string {
  const code = errnoOf(error);
  const known = code === undefined ? undefined : MEANINGS[code];
  if (known !== undefined) return `${known} (${code})`;
  return error instanceof Error ? error.message : String(error);
}

export function errnoOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

async function readAll(handle: promises.FileHandle, into: Buffer): Promise<number> {
  let length = 0;
  while (length < into.length) {
    const { bytesRead } = await handle.read(into, length, into.length - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return length;
}

const MEANINGS: Readonly<Record<string, string>> = {
  EACCES: 'this user has no right to it: run as its owner, or change its mode',
  EPERM: 'this user has no right to it: run as its owner, or change its mode',
  EDQUOT: 'the quota of this user is used up',
  EEXIST: 'there is no such directory, but something else of that name',
  EIO: 'the file system has an error',
  ELOOP: 'is a symbolic link, and those are not followed',
  ENAMETOOLONG: 'the name is too long for the file system',
  ENOENT: 'there is no such directory',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'there is no such directory, but something else of that name',
  EROFS: 'the file system can only be read',
  ESTALE: 'the file server has lost it',
};
/** A record may have 65,536 characters, of up to four bytes. */
const MAX_BYTES = 262_144;
