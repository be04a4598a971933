/**
 * A failed system call, with its errno by name.
 *
 * @module
 */
import { constants } from 'node:os';
import { WireGuardError } from '@litz/core';
import { libc } from './libc.ts';

/** errno names by number, as this platform has them. */
const ERRNO_NAMES = new Map<number, string>(
  Object.entries(constants.errno).map(([name, number]) => [number, name]),
);
// EAGAIN and EWOULDBLOCK share a number on Linux. Node's constants lack EBADFD and ENOKEY: a TUN
// device that is gone, a WireGuard peer without a session.
ERRNO_NAMES.set(11, 'EAGAIN');
ERRNO_NAMES.set(77, 'EBADFD');
ERRNO_NAMES.set(126, 'ENOKEY');

export class SystemError extends WireGuardError {
  /** 'EPERM', 'EBUSY', ... */
  readonly errno: string;
  readonly errnoNumber: number;
  /** The call that failed: 'open', 'bind', 'RTM_NEWADDR'. */
  readonly syscall: string;

  /** @param detail what was attempted, for a person: 'cannot open /dev/net/tun' */
  constructor(syscall: string, errnoNumber: number, detail?: string) {
    const errno = ERRNO_NAMES.get(errnoNumber) ?? `errno ${errnoNumber}`;
    const code =
      errno === 'EPERM' || errno === 'EACCES' ? 'ERR_LITZ_PERMISSION' : 'ERR_LITZ_SYSTEM';
    super(code, `${detail ? `${detail}: ` : ''}${syscall}: ${errno}`);
    this.name = 'SystemError';
    this.errno = errno;
    this.errnoNumber = errnoNumber;
    this.syscall = syscall;
  }
}

/**
 * Passes a result through.
 *
 * @throws {SystemError} if it is negative; the errno is the last call's
 */
export function check(result: number, syscall: string, detail?: string): number {
  if (result >= 0) return result;
  throw new SystemError(syscall, libc().errno(), detail);
}
