/**
 * `FileAccess`: the functions of the file system that the file registry uses. `readRegularFile`
 * reads a file, or says why it cannot be read.
 *
 * @module
 */
import { constants } from 'node:fs';
import * as promises from 'node:fs/promises';
import { exchangeFiles, SystemError } from '@litz/sys';
import { errnoOf, explainFileError } from '../../file-error.ts';

/** The part of a file system that a `FileRegistry` needs. */
export type FileAccess = Pick<
  typeof promises,
  'lstat' | 'mkdir' | 'open' | 'readdir' | 'rename' | 'stat' | 'unlink'
> & {
  /**
   * Gives two files each other's name in one step. Resolves to false if the file system cannot do
   * that. This function is absent if the operating system has no such call.
   */
  readonly exchange?: (one: string, other: string) => Promise<boolean>;
};

/** The text of a file, or the reason why it cannot be read. */
export type FileContent =
  | { readonly text: string; readonly reason?: undefined }
  | { readonly text?: undefined; readonly reason: string };

/** The file system of this machine. */
export const systemFiles: FileAccess = { ...promises, exchange };

/**
 * Reads a file. Returns undefined if the file does not exist. Symbolic links are not followed, and
 * a pipe with this name cannot block the registry.
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
    if (!state.isFile())
      return { reason: state.isDirectory() ? 'is a directory' : 'is not a regular file' };
    if (state.size > MAX_BYTES) return { reason: `has more than ${MAX_BYTES} bytes` };
    // If the file grows during the read, its modification time changes too, so a later scan reads
    // it again.
    const bytes = Buffer.alloc(state.size);
    const length = await readAll(handle, bytes);
    return { text: bytes.toString('utf8', 0, length) };
  } catch (error) {
    return { reason: explainFileError(error) };
  } finally {
    await handle.close().catch(() => {});
  }
}

async function exchange(one: string, other: string): Promise<boolean> {
  try {
    return exchangeFiles(one, other);
  } catch (error) {
    // Without the FFI (foreign function interface), two files cannot be exchanged.
    if (!(error instanceof SystemError)) return false;
    throw Object.assign(new Error(error.message, { cause: error }), { code: error.errno });
  }
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

/** In bytes. A record may have 65,536 characters, of up to four bytes each. */
const MAX_BYTES = 262_144;
