/**
 * `keepFewRights`: leaves all threads of this process with only the rights that its command needs.
 *
 * Linux keeps rights per thread, and Node.js has started threads before this code runs. So the main
 * thread drops its rights, and then executes the program again in the same process. The program
 * begins with one thread, and every thread that is started later gets the rights of that thread.
 * The second time, there is nothing to drop.
 *
 * ```
 *   litz -f wg0             root, all capabilities
 *     --user: socket folder, user and group
 *     capabilities, bounding set, no_new_privs
 *     execve                the same process ID, the same streams
 *   litz -f wg0             only the capabilities in KEPT
 * ```
 *
 * @module
 */
import { accessSync, constants, readFileSync } from 'node:fs';
import { protectSecretsWith, WireGuardError } from '@litz/core/text';
import {
  allowRealtimePriority,
  capabilitySet,
  dropThreadRights,
  forbidCoreDumps,
  lockMemory,
  readRights,
  replaceProcess,
  setThreadPriority,
  type Capability,
  type ThreadRights,
  type UserChange,
} from '@litz/sys';
import { Failure } from '../failure.ts';
import { HAND_OVER, STDERR_OF_OLD } from '../upgrade/successor-process.ts';
import { readUser } from './service-user.ts';
import { shareSocketFolder } from './socket-folder.ts';

/** Commands that keep running. */
export type LongCommand = 'daemon' | 'tunnel' | 'proxy' | 'agent';

export interface FewRightsOptions {
  /** The value of `--user`: NAME, or NAME:GROUP. Default: the user does not change. */
  readonly user?: string | undefined;
}

/**
 * Forbids core dumps and drops rights. Must be called before anything is opened or printed, because
 * it may start the program again.
 *
 * @throws {Failure} `--user` names no user, or this process may not change the user
 */
export function keepFewRights(command: LongCommand, { user }: FewRightsOptions = {}): void {
  const target = user === undefined ? undefined : readUser(user);
  if (process.platform !== 'linux') return;
  const isSecondTime = process.env[RESTARTED] === '1';
  delete process.env[RESTARTED];
  try {
    const change = target && !isUser(target) ? target : undefined;
    const kept = KEPT[command].filter((name) => !change || !OF_ROOT.has(name));
    if (!isSecondTime) keepPriority(command, kept);
    if (!isSecondTime && (change || mustDrop(readRights(), kept))) {
      if (change) refuseWithoutRoot(user!);
      if (change && command === 'daemon') shareSocketFolder(change);
      dropThreadRights(kept, change);
      restart(user);
    }
    protectMemory();
  } catch (error) {
    // If the FFI is missing, no right can be dropped. Then only `litz proxy` works, and the other
    // commands fail later.
    if (isMissingFfi(error) && user === undefined) return;
    throw error;
  }
}

/** Drops no rights, and only protects the memory: for a tunnel whose hooks need all rights. */
export function keepAllRights(): void {
  if (process.platform === 'linux') protectMemory();
}

/** Whether a thread has a right that it does not need, or has rights and could gain more. */
export function mustDrop(rights: ThreadRights, kept: readonly Capability[]): boolean {
  const unneeded = ~capabilitySet(kept);
  const held = rights.permitted | rights.inheritable | rights.ambient;
  // A thread without capabilities has nothing that could be misused, so another start of the
  // program would only cost time.
  if (held === 0n) return false;
  return (held & unneeded) !== 0n || !rights.noNewPrivileges;
}

/** Prevents keys from being written to the disk, in a core dump or in swap. */
function protectMemory(): void {
  forbidCoreDumps();
  protectSecretsWith(lockMemory);
}

/**
 * Raises the limit of real-time priorities, so that the thread that processes packets needs no
 * capability for its priority. If the limit cannot be raised, adds CAP_SYS_NICE, provided that this
 * capability helps.
 */
function keepPriority(command: LongCommand, kept: Capability[]): void {
  const hasDevice = command === 'daemon' || command === 'tunnel';
  if (!hasDevice || process.env['LITZ_PRIORITY'] === 'normal') return;
  if (allowRealtimePriority()) return;
  const isAllowed = setThreadPriority('realtime');
  setThreadPriority('normal');
  if (isAllowed) kept.push('CAP_SYS_NICE');
}

function isUser({ uid, gid }: UserChange): boolean {
  return process.getuid!() === uid && process.getgid!() === gid;
}

function refuseWithoutRoot(user: string): void {
  const needed = capabilitySet(['CAP_SETUID', 'CAP_SETGID']);
  if ((readRights().effective & needed) === needed) return;
  throw new Failure(
    `--user ${user}: this process may not change its user (CAP_SETUID, CAP_SETGID): start litz as root, ` +
      'or start it as that user with the capability CAP_NET_ADMIN, and leave --user out',
  );
}

/** Executes this program again. */
function restart(user: string | undefined): never {
  const [node = process.execPath, script = '', ...words] = process.argv;
  if (user !== undefined) refuseUnreadable(user, [node, script]);
  const { channel } = process as { channel?: { fd?: number } };
  const isChild = channel?.fd !== undefined && channel.fd >= 0;
  // The new process of an upgrade comes here if its version of litz keeps fewer rights than the old
  // version.
  const isSuccessor = process.env[HAND_OVER] !== undefined;
  const flags = [...secureHeap(), ...process.execArgv];
  replaceProcess(process.execPath, [node, ...flags, script, ...words], {
    env: {
      ...process.env,
      [RESTARTED]: '1',
      // Node.js has removed the variables of the channel to the parent, so they are set again.
      ...(isChild && {
        NODE_CHANNEL_FD: String(channel.fd),
        NODE_CHANNEL_SERIALIZATION_MODE: 'json',
      }),
    },
    descriptors: [...(isChild ? [channel.fd!] : []), ...(isSuccessor ? [STDERR_OF_OLD] : [])],
  });
}

/**
 * Returns flags for Node.js that make OpenSSL keep private keys in locked memory. Returns none if
 * this process may not lock so much memory, because Node.js would then print a warning.
 */
function secureHeap(): string[] {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  const [, limit = '0'] = /^Max locked memory\s+(\S+)/m.exec(limits) ?? [];
  const isAllowed = limit === 'unlimited' || Number(limit) >= 2 * SECURE_HEAP;
  return isAllowed ? [`--secure-heap=${SECURE_HEAP}`, '--secure-heap-min=32'] : [];
}

/**
 * Called after this process has changed to the new user. Refuses a file that this user may not
 * read. Node.js itself would only say that it cannot find a module.
 */
function refuseUnreadable(user: string, files: readonly string[]): void {
  for (const file of files) {
    try {
      accessSync(file, constants.R_OK);
    } catch (cause) {
      const text = `--user ${user}: that user may not read ${file}: install litz where all users can read it (npm install --global litz)`;
      throw new Failure(text, { cause });
    }
  }
}

function isMissingFfi(error: unknown): boolean {
  return error instanceof WireGuardError && error.code === 'ERR_LITZ_FFI_MISSING';
}

/** Capabilities that only a process of root keeps. They are dropped when the user changes. */
const OF_ROOT: ReadonlySet<Capability> = new Set(['CAP_DAC_READ_SEARCH']);
/** In bytes: space for 1024 private keys. Most keys exist only during one handshake. */
const SECURE_HEAP = 32_768;
/** The environment variable that is set when the program starts the second time. */
const RESTARTED = 'LITZ_RIGHTS_DROPPED';

/**
 * What each command keeps.
 *
 * - CAP_NET_ADMIN: the interface, its addresses and routes, the mark of sockets, large buffers.
 * - CAP_NET_BIND_SERVICE: a port below 1024, also one that is set later.
 * - CAP_NET_BROADCAST: notifications about an interface that was moved to another namespace.
 * - CAP_NET_RAW: the captures of `litz agent verify`.
 * - CAP_DAC_OVERRIDE, CAP_CHOWN, CAP_FOWNER: a tunnel reads and writes its file (reload, save) and
 *   /etc/resolv.conf, which may belong to another user, and keeps their owner and mode. An agent
 *   reads its registry.
 * - CAP_SYS_NICE, which is not in this table: the real-time priority of the thread that processes
 *   packets. It is kept only if the limit for such priorities (RLIMIT_RTPRIO) cannot be raised.
 * - CAP_DAC_READ_SEARCH: a proxy that root starts reads a file of another user. If `--user` is
 *   given, the proxy does not keep this capability, because it could then read all files of root.
 */
const KEPT: Readonly<Record<LongCommand, readonly Capability[]>> = {
  daemon: ['CAP_NET_ADMIN', 'CAP_NET_BIND_SERVICE', 'CAP_NET_BROADCAST'],
  tunnel: [
    'CAP_NET_ADMIN',
    'CAP_NET_BIND_SERVICE',
    'CAP_NET_BROADCAST',
    'CAP_DAC_OVERRIDE',
    'CAP_CHOWN',
    'CAP_FOWNER',
  ],
  proxy: ['CAP_NET_ADMIN', 'CAP_NET_BIND_SERVICE', 'CAP_DAC_READ_SEARCH'],
  agent: ['CAP_NET_ADMIN', 'CAP_NET_BIND_SERVICE', 'CAP_NET_RAW', 'CAP_DAC_OVERRIDE'],
};
