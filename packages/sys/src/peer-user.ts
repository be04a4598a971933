/**
 * `peerProcess` and `peerUserId`: who is at the other end of a Unix socket (unix(7), SO_PEERCRED).
 *
 * @module
 */
import { checkDescriptor } from './arguments.ts';
import { SOL_SOCKET } from './constants.ts';
import { libc } from './libc.ts';
import { allocate } from './memory.ts';
import { check } from './system-error.ts';

/** The process at the other end, as the kernel knows it. */
export interface PeerProcess {
  /** 0 if it is not visible in this PID namespace. */
  readonly pid: number;
  readonly uid: number;
}

/**
 * Returns the user id that a process had when it connected to a Unix socket, as a number of this
 * process's user namespace. For a user that has no number in this namespace, it returns 65534.
 *
 * @param fd the descriptor of a connected Unix socket; borrowed for the call
 * @throws {SystemError} `fd` is not a socket
 */
export function peerUserId(fd: number): number {
  checkDescriptor('fd', fd);
  return peerProcess(fd).uid;
}

/**
 * Returns the process that made the other end of a connection: the one that connected, or the one
 * that listened.
 *
 * @throws {SystemError} `fd` is not a socket
 */
export function peerProcess(fd: number): PeerProcess {
  // A struct ucred (pid, uid, gid, 4 bytes each), and after it a socklen_t.
  const { view, address } = allocate(UCRED_LENGTH + 4);
  view.setUint32(UCRED_LENGTH, UCRED_LENGTH, true);
  const done = libc().getsockopt(fd, SOL_SOCKET, SO_PEERCRED, address, address + UCRED_LENGTH);
  check(done, 'getsockopt', 'cannot find out who the other process is');
  return { pid: view.getInt32(0, true), uid: view.getUint32(4, true) };
}

const SO_PEERCRED = 17;
const UCRED_LENGTH = 12;
