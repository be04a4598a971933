/**
 * Names of network interfaces on the command line.
 *
 * @module
 */
import { quote } from '@litz/core/internals';
import { Failure } from './failure.ts';

/**
 * The kernel's rule (net/core/dev.c); one `%d` becomes a number.
 *
 * @throws {Failure} exit code 2
 */
export function checkInterfaceName(name: string): void {
  const isName = INTERFACE_NAME.test(name) && name !== '.' && name !== '..';
  if (isName && !name.replace('%d', '').includes('%')) return;
  const rule = `1 to ${MAX_LENGTH} printable characters without "/" and ":"`;
  const text = `${quote(name)} is no interface name: expected ${rule}`;
  throw new Failure(text, { exitCode: 2 });
}

const MAX_LENGTH = 15;
const INTERFACE_NAME = /^[!-.0-9;-~]{1,15}$/;
