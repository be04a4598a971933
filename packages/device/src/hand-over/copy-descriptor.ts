/**
 * `copyDescriptor`: a second descriptor for the same open file.
 *
 * @module
 */
import type * as Sys from '@litz/sys';

/**
 * Returns a copy, which belongs to the caller, and which programs do not inherit.
 *
 * @throws {SystemError} EBADF: it is not open; EMFILE: this process has too many
 */
export function copyDescriptor(
  { check, libc }: Pick<typeof Sys, 'check' | 'libc'>,
  fd: number,
): number {
  return check(libc().fcntl(fd, F_DUPFD_CLOEXEC, 0), 'fcntl');
}

const F_DUPFD_CLOEXEC = 1030;
