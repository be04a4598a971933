/**
 * Mounts that only one thread sees, for tests that replace a device node.
 *
 * @module
 */
import { checkString } from '../arguments.ts';
import { CLONE_NEWNS } from '../constants.ts';
import { libc } from '../libc.ts';
import { check } from '../system-error.ts';

/**
 * Moves the calling thread, and the processes it starts, into a mount namespace of its own. This
 * cannot be undone without losing the working directory. The threads of libuv's pool stay outside,
 * and do not follow a later `chdir` of the calling thread.
 *
 * @throws {SystemError} EPERM: no CAP_SYS_ADMIN
 */
export function enterPrivateMounts(): void {
  check(libc().unshare(CLONE_NEWNS), 'unshare', 'cannot make a mount namespace');
  const flags = MS_REC | MS_PRIVATE;
  check(libc().mount('none', '/', null, flags, null), 'mount', 'cannot make mounts private');
}

/** Makes `source` visible at `target`. Both are files, or both directories. */
export function bindMount(source: string, target: string): void {
  checkString('source', source);
  checkString('target', target);
  const attempt = `cannot bind ${source} to ${target}`;
  check(libc().mount(source, target, null, MS_BIND, null), 'mount', attempt);
}

/** Removes the last mount at `target`, even while it is in use. */
export function unmount(target: string): void {
  checkString('target', target);
  check(libc().umount2(target, MNT_DETACH), 'umount2', `cannot unmount ${target}`);
}

const MS_BIND = 0x1000;
const MS_REC = 0x4000;
const MS_PRIVATE = 0x40000;
const MNT_DETACH = 2;
