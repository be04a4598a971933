/**
 * Names of network interfaces.
 *
 * @module
 */
import { MAX_INTERFACE_NAME_LENGTH, newInterfaceNameFault, quote } from '@litz/core/internals';

/** IFNAMSIZ, of which one byte is the final NUL. */
export const INTERFACE_NAME_SIZE: number = MAX_INTERFACE_NAME_LENGTH + 1;

/**
 * Checks a name, or a template with one `%d` for which the kernel chooses the number.
 *
 * @throws {TypeError} naming what is wrong, before anything is asked of the kernel
 */
export function checkInterfaceName(name: string): void {
  const fault = newInterfaceNameFault(name);
  if (fault === undefined) return;
  throw new TypeError(`"name" expected an interface name, got ${quote(name)}: ${fault}`);
}
