/**
 * `copyDescriptor`: a second descriptor for the same open file.
 *
 * @module
 */
import type * as Sys from '@litz/sys';

/**
 * Returns a copy of the descriptor. It belongs to the caller, and programs that are started do not
 * inherit it.
 *
 * @throws {SystemError} EBADF: `fd` is not open; EMFILE: this process has too many descriptors
 */
export function copyDescriptor(
  { check, libc }: Pick<typeof Sys, 'check' | 'libc'>,
  fd: number,
): number {
  return check(libc().fcntl(fd, F_DUPFD_CLOEXEC, 0), 'fcntl');
}

const F_DUPFD_CLOEXEC = 1030;
