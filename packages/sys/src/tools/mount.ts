/**
 * Mounts that only one thread sees: for tests that replace a device node.
 *
 * @module
 */
import { checkString } from '../arguments.ts';
import { CLONE_NEWNS } from '../constants.ts';
import { libc } from '../libc.ts';
import { check } from '../system-error.ts';

const MS_BIND = 0x1000;
const MS_REC = 0x4000;
const MS_PRIVATE = 0x40000;
const MNT_DETACH = 2;

/**
 * Moves the calling thread, and the children it starts, into a mount namespace of its own, for good:
 * there is no way back that keeps the working directory. libuv's pool threads stay outside, and no
 * longer follow the thread's `chdir`.
 *
 * @throws {SystemError} EPERM without CAP_SYS_ADMIN
 */
export function enterPrivateMounts(): void {
  check(libc().unshare(CLONE_NEWNS), 'unshare', 'cannot make a mount namespace');
  const flags = MS_REC | MS_PRIVATE;
  check(libc().mount('none', '/', null, flags, null), 'mount', 'cannot make mounts private');
}

/** Shows `source` at `target`; both are files, or both directories. */
export function bindMount(source: string, target: string): void {
  checkString('source', source);
  checkString('target', target);
  const attempt = `cannot bind ${source} to ${target}`;
  check(libc().mount(source, target, null, MS_BIND, null), 'mount', attempt);
}

/** Takes away what was mounted last at `target`, also while it is in use. */
export function unmount(target: string): void {
  checkString('target', target);
  check(libc().umount2(target, MNT_DETACH), 'umount2', `cannot unmount ${target}`);
}
