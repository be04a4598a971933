/**
 * Finds the file that `litz up` reads, and the name of its interface.
 *
 * @module
 */
import { statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { readInputFile, type InputFileOptions } from '@litz/config/uapi';
import { quote } from '@litz/core/text';
import { Failure } from './failure.ts';

export interface LocatedFile {
  readonly file: string;
  /** The name of the interface. */
  readonly name: string;
}

/**
 * Follows wg-quick: the name of the file is the name of the interface and '.conf'. A word without
 * '/' that does not end in '.conf' is the name of an interface, and its file is in /etc/wireguard.
 *
 * @throws {Failure} exit code 2: an interface cannot have this name
 */
export function locateTunnelFile(target: string): LocatedFile {
  const isFile = target.includes('/') || target.endsWith('.conf');
  const file = isFile ? target : join('/etc/wireguard', `${target}.conf`);
  const [, name] = TUNNEL_NAME.exec(basename(file)) ?? [];
  if (name !== undefined && name !== '.' && name !== '..') return { file, name };
  const rule = 'NAME.conf or NAME of an interface: 1 to 15 letters, digits, or any of _=+.-';
  const text = `cannot read the interface name from ${quote(target)}: expected ${rule}`;
  throw new Failure(text, { exitCode: 2 });
}

/**
 * Returns the text of the file. Warns if every user can read it, because it contains keys. Waits
 * for a pipe, but not forever; see `readInputFile`.
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
    const { code = String(error), message } = error as { code?: string; message: string };
    const reason = code === 'ERR_LITZ_SYSTEM' ? message : (REASONS[code] ?? code);
    throw new Failure(`cannot read ${file}: ${reason}`, { cause: error });
  }
}

function modeOf(path: string): bigint {
  // Not numbers: nodejs/node#51142, a pipe would stop the loader of modules.
  return statSync(path, { bigint: true }).mode;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file (ENOENT)',
  EACCES: 'this user may not read it (EACCES); give it to this user (chown), or start litz as root',
};
/** The names that wg-quick accepts. */
const TUNNEL_NAME = /^([a-zA-Z0-9_=+.-]{1,15})\.conf$/;
/** The permissions of all other users (S_IRWXO). */
const WORLD = 0o007n;
