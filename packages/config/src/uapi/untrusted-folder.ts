/**
 * `untrustedFolder`: checks whether a folder is safe for sockets that receive private keys.
 *
 * A user who may write to the folder can replace a daemon's socket with another socket, and then
 * gets the keys that the next client sends. If all users may write to /run, any user can make
 * /run/wireguard before root does. So a daemon makes no socket in a folder to which another user
 * may write. A client does not connect to a socket there, because the other user may have made this
 * socket while no daemon was running.
 *
 * Parent folders are not checked, because they may be links: `/var/run` is a link to `/run`.
 *
 * @module
 */
import { lstatSync, type Stats } from 'node:fs';
import { requireText } from '@litz/core/internals';

/**
 * Returns why the folder cannot be trusted: a text that names the folder, what is wrong with it,
 * and what to do. Returns undefined if it can be trusted: it belongs to root or to this process's
 * user, and no other user may write to it. Its group may write to it if the folder is sticky (mode
 * 1775, chmod(1)), because then nobody can replace the socket of another user. Also returns
 * undefined if the folder does not exist.
 */
export function untrustedFolder(folder: string): string | undefined {
  requireText(folder, 'folder');
  const uid = process.geteuid?.();
  const stats = lstatSync(folder, { throwIfNoEntry: false });
  // On a system without user ids (Windows), nothing is checked.
  if (uid === undefined || !stats) return undefined;
  if (stats.isSymbolicLink()) {
    return `${folder} is a symbolic link, which could lead to another user's folder; remove it`;
  }
  return wrongOwner(folder, stats, uid) ?? wrongMode(folder, stats);
}

function wrongOwner(folder: string, stats: Stats, uid: number): string | undefined {
  if (stats.uid === 0 || stats.uid === uid) return undefined;
  const owners = uid === 0 ? 'root' : `root or user ${uid}`;
  return (
    `${folder} belongs to user ${stats.uid}, who could take the keys that are sent there; ` +
    `remove it, or give it to ${owners} (chown)`
  );
}

function wrongMode(folder: string, { mode }: Stats): string | undefined {
  const permissions = mode & 0o7777;
  const refused = (permissions & STICKY) === 0 ? WRITABLE_BY_OTHERS : WRITABLE_BY_ALL;
  if ((permissions & refused) === 0) return undefined;
  const digits = permissions.toString(8).padStart(4, '0');
  return (
    `${folder} has mode ${digits}: its group or others may write to it, and could take the keys ` +
    `that are sent there; remove that permission (chmod go-w ${folder})`
  );
}

const STICKY = 0o1000;
const WRITABLE_BY_OTHERS = 0o022;
const WRITABLE_BY_ALL = 0o002;
