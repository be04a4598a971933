/**
 * Finds the file that `litz up` reads, and the name of its interface.
 *
 * @module
 */
import { basename, join } from 'node:path';
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

/** The names that wg-quick accepts. */
const TUNNEL_NAME = /^([a-zA-Z0-9_=+.-]{1,15})\.conf$/;
