/**
 * `dropThreadRights`: takes rights from the calling thread, for good.
 *
 * Rights belong to a thread (capabilities(7)): a call that drops them changes no other thread of
 * the process, and Node.js has threads before the first line of JavaScript runs. A program that is
 * executed afterwards (`replaceProcess`) begins with one thread, which has the rights of the
 * caller, and each of its threads gets them.
 *
 * @module
 */
import { checkInteger, checkObject } from './arguments.ts';
import { capabilitySet, readRights, type Capability } from './capability.ts';
import { EPERM } from './constants.ts';
import { libc } from './libc.ts';
import { allocate } from './memory.ts';
import { check, SystemError } from './system-error.ts';

/** The user and the groups that a process changes to. */
export interface UserChange {
  readonly uid: number;
  readonly gid: number;
  /** The supplementary groups. */
  readonly groups: readonly number[];
}

/**
 * Drops all capabilities except some, in all sets (permitted, effective, inheritable, ambient,
 * bounding), and sets no_new_privs. Capabilities that the thread does not have are not added.
 *
 * Without CAP_SETPCAP the kernel does not change the bounding set. That does no harm: with
 * no_new_privs, the bounding set gives no program a capability that the thread does not have.
 *
 * @param user the user to change to, for all threads of the process. Default: no change
 * @throws {SystemError} EPERM: the thread may not change the user (CAP_SETUID, CAP_SETGID)
 */
export function dropThreadRights(kept: readonly Capability[], user?: UserChange): void {
  const wanted = capabilitySet(kept);
  if (user) checkUser(user);
  if (user) requireUserRights();
  dropBounding(wanted);
  // Without PR_SET_KEEPCAPS, the change of the user would remove all capabilities.
  if (user) call(PR_SET_KEEPCAPS, 1);
  if (user) changeUser(user);
  const set = wanted & readRights(THIS_THREAD).permitted;
  setCapabilities(set);
  call(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL);
  // A program of root gets its capabilities without the ambient set.
  if (process.geteuid?.() !== 0) {
    for (const number of numbersIn(set)) call(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number);
  }
  call(PR_SET_NO_NEW_PRIVS, 1);
}

function checkUser(user: UserChange): void {
  checkObject('user', user);
  checkInteger('user.uid', user.uid, 0, LARGEST_ID);
  checkInteger('user.gid', user.gid, 0, LARGEST_ID);
  for (const group of user.groups) checkInteger('user.groups', group, 0, LARGEST_ID);
}

/**
 * The C library changes the user of all threads, and ends the process if that succeeds for some of
 * them only. So the calling thread must have the right before anything is changed.
 */
function requireUserRights(): void {
  const needed = capabilitySet(['CAP_SETUID', 'CAP_SETGID']);
  if ((readRights(THIS_THREAD).effective & needed) === needed) return;
  const detail = 'cannot change the user, which needs CAP_SETUID and CAP_SETGID';
  throw new SystemError('setuid', EPERM, detail);
}

/** Changes the user and the groups of all threads of the process. */
function changeUser({ uid, gid, groups }: UserChange): void {
  try {
    process.setgroups!([...groups]);
    process.setgid!(gid);
    process.setuid!(uid);
  } catch (error) {
    const { errno, syscall } = error as NodeJS.ErrnoException;
    throw new SystemError(syscall ?? 'setuid', Math.abs(errno ?? 0), 'cannot change the user');
  }
}

function dropBounding(kept: bigint): void {
  for (let number = 0; number < 64; number++) {
    if ((kept & (1n << BigInt(number))) !== 0n) continue;
    // EINVAL: the kernel has no capability with this or a larger number. EPERM: no CAP_SETPCAP.
    if (libc().prctl(PR_CAPBSET_DROP, number, 0, 0, 0) !== 0) return;
  }
}

/**
 * Gives the calling thread this effective, permitted and inheritable set. The kernel wants a header
 * and two blocks (linux/capability.h, version 3), one for the lower and one for the upper 32 bits.
 */
function setCapabilities(set: bigint): void {
  const header = allocate(8);
  header.view.setUint32(0, CAPABILITY_VERSION_3, true);
  const data = allocate(24);
  for (let block = 0; block < 2; block++) {
    const bits = Number((set >> BigInt(32 * block)) & 0xffff_ffffn);
    // effective, permitted, inheritable
    for (let field = 0; field < 3; field++) data.view.setUint32(block * 12 + field * 4, bits, true);
  }
  check(libc().capset(header.address, data.address), 'capset', 'cannot drop capabilities');
}

function* numbersIn(set: bigint): Generator<number> {
  for (let number = 0; number < 64; number++) {
    if ((set & (1n << BigInt(number))) !== 0n) yield number;
  }
}

function call(option: number, first: number, second = 0): void {
  check(libc().prctl(option, first, second, 0, 0), 'prctl', 'cannot drop rights');
}

/** The thread that calls; /proc/self is the main thread. */
const THIS_THREAD = '/proc/thread-self/status';
const LARGEST_ID = 0xffff_fffe;
/** linux/prctl.h */
const PR_SET_KEEPCAPS = 8;
const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_RAISE = 2;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;
const CAPABILITY_VERSION_3 = 0x2008_0522;
