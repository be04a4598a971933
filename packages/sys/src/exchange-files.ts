/**
 * `exchangeFiles`: gives two files each other's name in one step, with renameat2(2).
 *
 * A rename replaces its target. If the target was deleted a moment before, the rename makes it
 * again. An exchange needs both files, so it fails if one of them was deleted.
 *
 * @module
 */
import { checkString } from './arguments.ts';
import { koffi } from './libc.ts';
import { SystemError } from './system-error.ts';

/**
 * Gives two files of one file system each other's name. No other process sees one of the names
 * without a file.
 *
 * @returns false if this kernel or file system cannot exchange names (NFS, for example); then
 *   nothing was changed
 * @throws {TypeError | RangeError} a path is not a text that C can read
 * @throws {SystemError} ENOENT: one of the files does not exist; other reasons as for rename(2)
 * @throws {WireGuardError} as {@link koffi} does
 */
export function exchangeFiles(one: string, other: string): boolean {
  checkString('one', one);
  checkString('other', other);
  const ffi = koffi();
  renameat2 ??= ffi.load(null).func(SIGNATURE) as RenameAt2;
  const number = process.arch === 'arm64' ? SYS_RENAMEAT2_ARM64 : SYS_RENAMEAT2_X64;
  if (renameat2(number, AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE) >= 0) return true;
  const error = new SystemError('renameat2', ffi.errno());
  if (UNSUPPORTED.has(error.errno)) return false;
  throw error;
}

// oxlint-disable-next-line max-params -- a system call
type RenameAt2 = (
  number: number,
  oneFolder: number,
  one: string,
  otherFolder: number,
  other: string,
  flags: number,
) => number;

let renameat2: RenameAt2 | undefined;

// The C library of Alpine Linux has no function for this system call, so the call is made by its
// number.
const SIGNATURE =
  'long syscall(long number, int oneFolder, str one, int otherFolder, str other, uint flags)';
const SYS_RENAMEAT2_X64 = 316;
const SYS_RENAMEAT2_ARM64 = 276;
/** From fcntl.h: paths that are not absolute begin at the working directory. */
const AT_FDCWD = -100;
/** From linux/fs.h. */
const RENAME_EXCHANGE = 2;
const UNSUPPORTED: ReadonlySet<string> = new Set(['EINVAL', 'ENOSYS', 'EOPNOTSUPP', 'ENOTSUP']);
