/**
 * `forbidCoreDumps` and `lockMemory`: keep the memory of this process off the disk.
 *
 * @module
 */
import { checkBytes } from './arguments.ts';
import { libc } from './libc.ts';
import { addressOf, allocate } from './memory.ts';
import { check } from './system-error.ts';

/**
 * Makes the kernel write no core dump of this process, and lets no other process of the same user
 * look into its memory (ptrace, /proc/PID/mem). This applies to all threads, until the process
 * executes a program. The limit of core dumps (RLIMIT_CORE), which programs inherit, becomes 0 too.
 */
export function forbidCoreDumps(): void {
  const limit = allocate(16);
  check(libc().prlimit(0, RLIMIT_CORE, 0, limit.address), 'prlimit');
  // Only the soft limit changes, so that a program that Litz starts can raise it again.
  limit.view.setBigUint64(0, 0n, true);
  check(libc().prlimit(0, RLIMIT_CORE, limit.address, 0), 'prlimit');
  check(libc().prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), 'prctl');
}

/**
 * Locks the pages of a view, so that they are never written to swap. They stay locked until the
 * memory is freed and given back to the kernel.
 *
 * @param view its memory must not move: see `addressOf`
 * @returns false if the kernel did not lock the pages, usually because of RLIMIT_MEMLOCK (ulimit
 *   -l)
 */
export function lockMemory(view: Uint8Array): boolean {
  checkBytes('view', view);
  if (view.length === 0) return true;
  return libc().mlock(addressOf(view), view.length) === 0;
}

/** sys/resource.h */
const RLIMIT_CORE = 4;
/** linux/prctl.h */
const PR_SET_DUMPABLE = 4;
