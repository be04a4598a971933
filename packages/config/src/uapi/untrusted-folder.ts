/**
 * `untrustedFolder`: whether a folder can be trusted with sockets that private keys are sent to.
 *
 * Whoever may write to a folder can put a socket of their own in the place of a daemon's, and gets the
 * keys that the next client sends. Under a /run that everybody may write to, any user can make
 * /run/wireguard before root does. So the daemon does not serve there, and a client, which may be
 * asked while no daemon runs, does not connect there.
 *
 * Folders above it are not looked at: that `/var/run` is a link to `/run` is as it should be.
 *
 * @module
 */
import { lstatSync, type Stats } from 'node:fs';

/**
 * Why not: a text that names the folder, what is wrong with it and what to do. Undefined: it belongs to
 * root or to this process' user and nobody else may write to it, or there is none.
 */
export function untrustedFolder(folder: string): string | undefined {
  const uid = process.geteuid?.();
  const stats = lstatSync(folder, { throwIfNoEntry: false });
  // A system without users has none to keep out.
  if (uid === undefined || !stats) return undefined;
  if (stats.isSymbolicLink()) {
    return `${folder} is a symbolic link, which could lead to anybody's folder; remove it`;
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
  if ((permissions & WRITABLE_BY_OTHERS) === 0) return undefined;
  const digits = permissions.toString(8).padStart(4, '0');
  return (
    `${folder} has mode ${digits}: its group or others may write to it, and could take the keys ` +
    `that are sent there; take that from them (chmod go-w ${folder})`
  );
}

const WRITABLE_BY_OTHERS = 0o022;
