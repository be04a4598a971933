/**
 * `readTunnelFile`: reads a wg-quick file that a user named.
 *
 * @module
 */
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { readInputFile, type InputFileOptions } from '@litz/config/uapi';
import { Failure } from './failure.ts';

/**
 * Returns the text of the file. The file contains keys, so this function warns as wg-quick does: if
 * the modes of the file and of its folder give the same permission to all users. Waits for a pipe,
 * but not forever; see `readInputFile`.
 *
 * @throws {Failure} the file cannot be read
 */
export function readTunnelFile(
  file: string,
  warn: (line: string) => void,
  options: InputFileOptions = {},
): string {
  try {
    const text = readInputFile(file, options);
    if ((modeOf(file) & modeOf(dirname(file)) & WORLD) !== 0n) {
      warn(`Warning: ${file} contains keys, and every user can read it. Consider chmod 600.`);
    }
    return text;
  } catch (error) {
    throw new Failure(`cannot read ${file}: ${whyUnread(error)}`, { cause: error });
  }
}

/** Returns why `readInputFile` failed, and what to do. */
export function whyUnread(error: unknown): string {
  const { code = String(error), message } = error as { code?: string; message: string };
  return code === 'ERR_LITZ_SYSTEM' ? message : (REASONS[code] ?? code);
}

function modeOf(path: string): bigint {
  // `bigint` avoids a fault of Node.js: after the mode of a pipe or a socket was returned as a
  // number, imports do not follow symbolic links (nodejs/node#51142).
  return statSync(path, { bigint: true }).mode;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file (ENOENT)',
  EACCES: 'this user may not read it (EACCES); give it to this user (chown), or start litz as root',
};
/** The permissions of all other users (S_IRWXO). */
const WORLD = 0o007n;
