/**
 * `checkInterfaceName`: checks the name of a network interface.
 *
 * @module
 */
import { MAX_INTERFACE_NAME_LENGTH, newInterfaceNameFault, quote } from '@litz/core/internals';

/**
 * Checks a name, or a template with one `%d`, which the kernel replaces with a number.
 *
 * @throws {TypeError} the name is invalid; the message says why. No system call is made.
 */
export function checkInterfaceName(name: string): void {
  const fault = newInterfaceNameFault(name);
  if (fault === undefined) return;
  throw new TypeError(`"name" expected an interface name, got ${quote(name)}: ${fault}`);
}

/** IFNAMSIZ of linux/if.h: the size of a name in bytes, including the final NUL. */
export const INTERFACE_NAME_SIZE: number = MAX_INTERFACE_NAME_LENGTH + 1;
