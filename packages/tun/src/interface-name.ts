/**
 * Names of network interfaces, as net/core/dev.c accepts them.
 *
 * @module
 */
import { quote } from '@litz/core/internals';

/** IFNAMSIZ, of which one byte is the final NUL. */
export const INTERFACE_NAME_SIZE = 16;

const LONGEST = INTERFACE_NAME_SIZE - 1;

/**
 * Checks a name, or a template with one `%d` for which the kernel chooses the number. The kernel
 * would take a few bytes more (not ASCII, control characters), which no tool can show.
 *
 * @throws {TypeError} naming what is wrong, before anything is asked of the kernel
 */
export function checkInterfaceName(name: string): void {
  const problem = problemOf(name);
  if (problem === undefined) return;
  throw new TypeError(`"name" expected an interface name, got ${quote(name)}: ${problem}`);
}

function problemOf(name: unknown): string | undefined {
  if (typeof name !== 'string') return 'it is not a string';
  if (name.length === 0) return 'it is empty';
  if (name.length > LONGEST) return `it is longer than ${LONGEST} bytes`;
  if (name === '.' || name === '..') return 'it is the name of a directory';
  if (!/^[\x21-\x7e]+$/.test(name)) return 'only printable ASCII without spaces is allowed';
  if (/[/:]/.test(name)) return '"/" and ":" are not allowed';
  if (name.replace('%d', '').includes('%')) return '"%" is only allowed as one "%d"';
  return undefined;
}
