/**
 * The priority of threads: sched(7).
 *
 * The kernel runs a thread with real-time priority (SCHED_RR) before all threads with normal
 * priority, whatever session or control group they belong to.
 *
 * @module
 */
import { libc } from './libc.ts';
import { allocate } from './memory.ts';

/** 'realtime' is the lowest real-time priority: the policy SCHED_RR with priority 1. */
export type ThreadPriority = 'realtime' | 'normal';

/**
 * Sets the priority of the calling thread. Threads and processes that it starts begin with the
 * normal priority.
 *
 * Does nothing if the thread has another policy than SCHED_OTHER or SCHED_RR with priority 1. Then
 * somebody chose that policy for the whole process, for instance with chrt(1).
 *
 * @returns whether the thread has this priority now. A real-time priority needs CAP_SYS_NICE, or a
 *   limit RLIMIT_RTPRIO of at least 1 (ulimit -r)
 * @throws {TypeError} `priority` is neither 'realtime' nor 'normal'
 */
export function setThreadPriority(priority: ThreadPriority): boolean {
  if (priority !== 'realtime' && priority !== 'normal') {
    throw new TypeError(`"priority" expected 'realtime' or 'normal', got ${String(priority)}`);
  }
  const numbers = SYSTEM_CALLS[process.arch as 'x64' | 'arm64'];
  // The functions of musl for these system calls always fail, so they are made directly.
  const calls = libc();
  const policy = calls.syscall(numbers.getScheduler, THIS_THREAD, 0, 0) & ~SCHED_RESET_ON_FORK;
  // A struct sched_param: sched_priority (4 bytes).
  const { view, address } = allocate(4);
  calls.syscall(numbers.getParameters, THIS_THREAD, address, 0);
  const present = view.getInt32(0, true);
  const isOurs = policy === SCHED_RR && present === LOWEST_REALTIME_PRIORITY;
  if (policy !== SCHED_OTHER && !isOurs) return false;
  view.setInt32(0, priority === 'realtime' ? LOWEST_REALTIME_PRIORITY : 0, true);
  const wanted = (priority === 'realtime' ? SCHED_RR : SCHED_OTHER) | SCHED_RESET_ON_FORK;
  return calls.syscall(numbers.setScheduler, THIS_THREAD, wanted, address) === 0;
}

/**
 * Lets all threads of this process set the real-time priority without CAP_SYS_NICE: raises the
 * limit RLIMIT_RTPRIO to 1. Programs that the process executes inherit the limit.
 *
 * @returns false if the kernel refused it. It needs CAP_SYS_RESOURCE, or a hard limit of at least 1
 */
export function allowRealtimePriority(): boolean {
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
/** asm/unistd.h */
const SYSTEM_CALLS = {
  x64: { getParameters: 143, setScheduler: 144, getScheduler: 145 },
  arm64: { getParameters: 121, setScheduler: 119, getScheduler: 120 },
};
