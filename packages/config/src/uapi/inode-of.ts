/**
 * `inodeOf`: tells whether a socket is still the file that a server has made.
 *
 * @module
 */
import { lstatSync } from 'node:fs';

/**
 * Returns undefined if the path does not exist. A symbolic link is not followed. It reads big
 * integers, because Node.js follows no symbolic link to a module when the last number that it read
 * was the mode of a socket or a pipe (https://github.com/nodejs/node/issues/51142).
 *
 * @throws {Error} the path cannot be read for another reason
 */
export function inodeOf(path: string): bigint | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}
