/**
 * Names and numbers of interfaces, also where there is no FFI. Node.js gives the number of an
 * interface only if the interface is up and has a link-local address, so the C library is used
 * where possible.
 *
 * @module
 */
import { networkInterfaces } from 'node:os';
import * as sys from '@litz/sys';

/**
 * Returns the number of an interface in the network namespace of the calling thread. Without the
 * FFI, this function finds only interfaces with a link-local address.
 *
 * @returns undefined if no interface has this name
 */
export function interfaceIndex(name: string): number | undefined {
  return orElse(
    () => sys.interfaceIndex(name),
    () => linkLocal().find((link) => link.name === name)?.index,
  );
}

/** Returns the name of an interface. @returns undefined if no interface has this number */
export function interfaceName(index: number): string | undefined {
  return orElse(
    () => sys.interfaceName(index),
    () => linkLocal().find((link) => link.index === index)?.name,
  );
}

function orElse<T>(first: () => T, otherwise: () => T): T {
  try {
    return first();
  } catch {
    // This is not Linux, or koffi is missing.
    return otherwise();
  }
}

/**
 * Node.js gives the number of an interface only together with a link-local address. Together with a
 * global address, it gives 0.
 */
function linkLocal(): { name: string; index: number }[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
    addresses.flatMap((address) =>
      address.family === 'IPv6' && address.scopeid !== 0 ? [{ name, index: address.scopeid }] : [],
    ),
  );
}
