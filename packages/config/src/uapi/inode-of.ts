/**
 * `inodeOf`: the number by which a server finds out whether the file at a path is still the
 * server's own socket.
 *
 * @module
 */
import { lstatSync } from 'node:fs';

/**
 * Returns the inode number; undefined if the path does not exist. A symbolic link is not followed.
 * The numbers are read as bigints, because Node.js has a bug: after a `stat` of a socket or a pipe
 * that returns plain numbers, Node.js may not follow symbolic links when it loads modules
 * (https://github.com/nodejs/node/issues/51142).
 *
 * @throws {Error} the path cannot be read for another reason
 */
export function inodeOf(path: string): bigint | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}
