/**
 * `SystemError`: the error of a system call, with the name of its errno.
 *
 * @module
 */
import { constants } from 'node:os';
import { WireGuardError } from '@litz/core/text';
import { libc } from './libc.ts';

/** Names of errno numbers on this platform. */
const ERRNO_NAMES = new Map<number, string>(
  Object.entries(constants.errno).map(([name, number]) => [number, name]),
);
// EAGAIN and EWOULDBLOCK have the same number on Linux. Node's constants do not have EBADFD (a TUN
// device is gone) and ENOKEY (a WireGuard peer has no session).
ERRNO_NAMES.set(11, 'EAGAIN');
ERRNO_NAMES.set(77, 'EBADFD');
ERRNO_NAMES.set(126, 'ENOKEY');

export class SystemError extends WireGuardError {
  /** The name of the errno: 'EPERM', 'EBUSY', ... */
  readonly errno: string;
  readonly errnoNumber: number;
  /** The call that failed: 'open', 'bind', 'RTM_NEWADDR'. */
  readonly syscall: string;

  /** @param detail what was attempted, as a text for people: 'cannot open /dev/net/tun' */
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
 * Returns `result` if it is not negative.
 *
 * @throws {SystemError} `result` is negative; the error has the errno of the last call
 */
export function check(result: number, syscall: string, detail?: string): number {
  if (result >= 0) return result;
  throw new SystemError(syscall, libc().errno(), detail);
}
