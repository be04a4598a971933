/**
 * Which file `litz up` reads, and the interface that it is for.
 *
 * @module
 */
import { readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { quote } from '@litz/core/internals';
import { Failure } from './failure.ts';

export interface LocatedFile {
  readonly file: string;
  /** Of the interface. */
  readonly name: string;
}

/**
 * As wg-quick: the file is called like the interface. A word without '/' that does not end in
 * '.conf' is an interface's name, and its file lies in /etc/wireguard.
 *
 * @throws {Failure} exit code 2: the interface cannot be called so
 */
export function locateTunnelFile(target: string): LocatedFile {
  const isFile = target.includes('/') || target.endsWith('.conf');
  const file = isFile ? target : join('/etc/wireguard', `${target}.conf`);
  const [, name] = TUNNEL_NAME.exec(basename(file)) ?? [];
  if (name !== undefined && name !== '.' && name !== '..') return { file, name };
  const rule = 'NAME.conf or NAME of an interface: 1 to 15 letters, digits, or any of _=+.-';
  const text = `cannot tell the interface of ${quote(target)}: expected ${rule}`;
  throw new Failure(text, { exitCode: 2 });
}

/**
 * The text; warns if everybody can read it, because of the keys.
 *
 * @throws {Failure} it cannot be read
 */
export function readTunnelFile(file: string, warn: (line: string) => void): string {
  try {
    const text = readFileSync(file, 'utf8');
    if ((statSync(file).mode & statSync(dirname(file)).mode & WORLD) !== 0) {
      warn(`Warning: ${file} has keys and everybody can read it. Consider chmod 600.`);
    }
    return text;
  } catch (error) {
    const { code = String(error) } = error as { code?: string };
    const reason = code === 'ENOENT' ? 'there is no such file (ENOENT)' : code;
    throw new Failure(`cannot read ${file}: ${reason}`, { cause: error });
  }
}

/** wg-quick's rule. */
const TUNNEL_NAME = /^([a-zA-Z0-9_=+.-]{1,15})\.conf$/;
/** S_IRWXO */
const WORLD = 0o007;
