/**
 * `explainFileError`, `errnoOf`: what is wrong with a file or a directory, and what to do.
 *
 * @module
 */

/** Returns what went wrong. If the errno code is in `MEANINGS`, it follows in parentheses. */
export function explainFileError(error: unknown): string {
  const code = errnoOf(error);
  const known = code === undefined ? undefined : MEANINGS[code];
  if (known !== undefined) return `${known} (${code})`;
  return error instanceof Error ? error.message : String(error);
}

/** Returns the errno code of an error, such as `ENOENT`; undefined if it has none. */
export function errnoOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

const MEANINGS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied: run as the owner, or change the permissions',
  EPERM: 'permission denied: run as the owner, or change the permissions',
  EDQUOT: 'the disk quota of this user is exceeded',
  EEXIST: 'the path exists, but it is not a directory',
  EISDIR: 'the path is a directory',
  EIO: 'the file system reports an I/O error',
  ELOOP: 'is a symbolic link, which Litz does not follow',
  ENAMETOOLONG: 'the name is too long for the file system',
  ENOENT: 'the directory does not exist',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'the path exists, but it is not a directory',
  EROFS: 'the file system is read-only',
  ESTALE: 'the file handle is stale: the file server no longer has the file',
};
