/**
 * Checks names of network interfaces by the rules of the kernel (net/core/dev.c, dev_valid_name).
 *
 * @module
 */

/**
 * Returns whether an interface can have this name: 1 to 15 bytes in UTF-8, without white space,
 * "/", ":" and NUL, and neither "." nor "..".
 */
export function isInterfaceName(name: string): boolean {
  if (typeof name !== 'string' || name === '.' || name === '..') return false;
  if (!INTERFACE_NAME.test(name)) return false;
  return utf8Length(name) <= MAX_INTERFACE_NAME_LENGTH;
}

/**
 * Returns why a new interface must not have this name; undefined if it may. One `%d` is allowed,
 * which the kernel replaces with a number. The kernel also accepts bytes that are not printable
 * ASCII. They are refused here, because many programs cannot show them.
 */
export function newInterfaceNameFault(name: unknown): string | undefined {
  if (typeof name !== 'string') return 'it is not a string';
  if (name.length === 0) return 'it is empty';
  if (name.length > MAX_INTERFACE_NAME_LENGTH) {
    return `it is longer than ${MAX_INTERFACE_NAME_LENGTH} bytes`;
  }
  if (name === '.' || name === '..') return 'it is the name of a directory';
  if (!/^[\x21-\x7e]+$/.test(name)) return 'only printable ASCII without spaces is allowed';
  if (/[/:]/.test(name)) return '"/" and ":" are not allowed';
  if (name.replace('%d', '').includes('%')) return '"%" is only allowed as one "%d"';
  return undefined;
}

function utf8Length(text: string): number {
  let length = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    length += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return length;
}

const INTERFACE_NAME = /^[^\s/:\0]+$/;
/** In bytes: IFNAMSIZ of the kernel without the final NUL. */
export const MAX_INTERFACE_NAME_LENGTH = 15;
