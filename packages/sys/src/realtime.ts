/**
 * Real-time priority of threads: sched(7).
 *
 * The kernel runs a thread with real-time priority (SCHED_RR) before all threads with normal
 * priority, whatever session or control group they belong to.
 *
 * @module
 */
import { checkFlag } from './arguments.ts';
import { libc } from './libc.ts';
import { allocate } from './memory.ts';

/**
 * Gives the calling thread the lowest real-time priority, or the normal priority. Threads and
 * processes that it starts begin with the normal priority.
 *
 * @returns false if the kernel refused it. A real-time priority needs CAP_SYS_NICE, or a limit
 *   RLIMIT_RTPRIO of at least 1 (ulimit -r)
 */
export function setRealtime(isRealtime: boolean): boolean {
  checkFlag('isRealtime', isRealtime);
  // A struct sched_param: sched_priority (4 bytes).
  const parameters = allocate(4);
  parameters.view.setInt32(0, isRealtime ? LOWEST_REALTIME_PRIORITY : 0, true);
  const policy = (isRealtime ? SCHED_RR : SCHED_OTHER) | SCHED_RESET_ON_FORK;
  // The function sched_setscheduler of musl always fails, so the system call is made directly.
  const number = SYS_SCHED_SETSCHEDULER[process.arch as 'x64' | 'arm64'];
  return libc().syscall(number, THIS_THREAD, policy, parameters.address) === 0;
}

/**
 * Lets all threads of this process call {@link setRealtime} without CAP_SYS_NICE: raises the limit
 * RLIMIT_RTPRIO to 1. Programs that the process executes inherit the limit.
 *
 * @returns false if the kernel refused it. It needs CAP_SYS_RESOURCE, or a hard limit of at least 1
 */
export function allowRealtime(): boolean {
  // A struct rlimit64: rlim_cur, rlim_max (8 bytes each).
  const { view, address } = allocate(16);
  if (libc().prlimit(0, RLIMIT_RTPRIO, 0, address) !== 0) return false;
  const needed = BigInt(LOWEST_REALTIME_PRIORITY);
  for (const offset of [0, 8]) {
    if (view.getBigUint64(offset, true) < needed) view.setBigUint64(offset, needed, true);
  }
  return libc().prlimit(0, RLIMIT_RTPRIO, address, 0) === 0;
}

const THIS_THREAD = 0;
/** linux/sched.h */
const SCHED_OTHER = 0;
const SCHED_RR = 2;
const SCHED_RESET_ON_FORK = 0x4000_0000;
/** Real-time priorities go from 1 to 99. */
const LOWEST_REALTIME_PRIORITY = 1;
/** sys/resource.h */
const RLIMIT_RTPRIO = 14;
const SYS_SCHED_SETSCHEDULER = { x64: 144, arm64: 119 };
