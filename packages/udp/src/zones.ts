/**
 * Interfaces by name and by number where there may be no FFI. What Node tells of them leaves out those
 * that are down or have no IPv6 address, so the C library is asked where it can be.
 *
 * @module
 */
import { networkInterfaces } from 'node:os';
import * as sys from '@litz/sys';

/** In the network namespace of the calling thread. @returns undefined: none of that name is known */
export function interfaceIndex(name: string): number | undefined {
  return orElse(
    () => sys.interfaceIndex(name),
    () => linkLocal().find((link) => link.name === name)?.index,
  );
}

/** The way back. @returns undefined: none of that number is known */
export function interfaceName(index: number): string | undefined {
  return orElse(
    () => sys.interfaceName(index),
    () => linkLocal().find((link) => link.index === index)?.name,
  );
}

function orElse<T>(ask: () => T, otherwise: () => T): T {
  try {
    return ask();
  } catch {
    // Not Linux, or no koffi.
    return otherwise();
  }
}

/** Only a link-local address tells the number of its interface: of a global one it is 0. */
function linkLocal(): { name: string; index: number }[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
    addresses.flatMap((address) =>
      address.family === 'IPv6' && address.scopeid !== 0 ? [{ name, index: address.scopeid }] : [],
    ),
  );
}
