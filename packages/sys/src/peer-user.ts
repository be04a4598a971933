/**
 * `peerUserId`: who is at the other end of a Unix socket (unix(7), SO_PEERCRED).
 *
 * @module
 */
import { checkDescriptor } from './arguments.ts';
import { libc } from './libc.ts';
import { allocate } from './memory.ts';
import { SystemError } from './system-error.ts';

/**
 * Returns the user id of the process that connected to a Unix socket, as it was then, in the user
 * namespace of this process. A user without a number here is 65534.
 *
 * @param fd the descriptor of a connected Unix socket; borrowed for the call
 * @throws {SystemError} it is not a socket
 */
export function peerUserId(fd: number): number {
  checkDescriptor('fd', fd);
  // struct ucred: pid, uid, gid, 4 bytes each; behind it socklen_t.
  const { view, address } = allocate(UCRED_LENGTH + 4);
  view.setUint32(UCRED_LENGTH, UCRED_LENGTH, true);
  const done = libc().getsockopt(fd, SOL_SOCKET, SO_PEERCRED, address, address + UCRED_LENGTH);
  if (done < 0) throw new SystemError('getsockopt', libc().errno());
  return view.getUint32(4, true);
}

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const UCRED_LENGTH = 12;
