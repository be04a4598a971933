/**
 * `shareSocketFolder`: lets a daemon of any user make its UAPI socket in the folder of all UAPI
 * sockets, which belongs to root.
 *
 * The folder still belongs to root, gets the group of the daemon, and becomes sticky (mode 1775).
 * So several daemons with different users can have their sockets there, and none of them can remove
 * or replace the socket of another one.
 *
 * @module
 */
import { chmodSync, chownSync, lstatSync, mkdirSync, type Stats } from 'node:fs';
import { Failure } from '../failure.ts';

/**
 * Makes the folder, if it is missing, and changes its group and mode, if they are not right yet.
 * Must be called by root.
 *
 * @throws {Failure} the folder cannot be made or changed, or it is shared with another group
 */
export function shareSocketFolder(
  { uid, gid }: { readonly uid: number; readonly gid: number },
  folder: string = FOLDER,
): void {
  try {
    const stats = lstatSync(folder, { throwIfNoEntry: false }) ?? make(folder);
    // If the path leads to a link or a file, the daemon reports that later.
    if (!stats.isDirectory() || stats.uid === uid) return;
    const isShared = (stats.mode & GROUP_WRITES) !== 0;
    if (isShared && stats.gid !== gid) throw sharedWithAnother(folder, stats.gid);
    if (isShared && (stats.mode & STICKY) !== 0) return;
    chownSync(folder, stats.uid, gid);
    chmodSync(folder, MODE);
  } catch (error) {
    if (error instanceof Failure) throw error;
    const { code } = error as NodeJS.ErrnoException;
    const advice = code === 'ENOSPC' ? FULL : NOT_WRITABLE;
    const text = `cannot share ${folder} with the group ${gid} of --user: ${code}; ${advice}`;
    throw new Failure(text, { cause: error });
  }
}

function make(folder: string): Stats {
  mkdirSync(folder, { mode: 0o755 });
  return lstatSync(folder);
}

function sharedWithAnother(folder: string, group: number): Failure {
  return new Failure(
    `${folder} is shared with group ${group}: use one group for all daemons (--user NAME:${group})`,
  );
}

const FULL = 'its file system is full (df, df -i): remove files there';
const NOT_WRITABLE = 'expected a folder that root can write to (in a container: --tmpfs /run)';
/** The same folder as that of wireguard-go. */
const FOLDER = '/var/run/wireguard';
const STICKY = 0o1000;
const GROUP_WRITES = 0o020;
const MODE = 0o1775;
