/**
 * Names and numbers of interfaces, as the zones of link-local addresses need them
 * (if_nametoindex(3)). An interface that is down or has no address has a number too.
 *
 * @module
 */
import { isInterfaceName } from '@litz/core/text';
import { checkInteger } from './arguments.ts';
import { libc } from './libc.ts';
import { allocate } from './memory.ts';

/**
 * Returns the number of an interface in the network namespace of the calling thread.
 *
 * @returns undefined if no interface has this name
 * @throws the errors of `libc`
 */
export function interfaceIndex(name: string): number | undefined {
  // C would stop at a NUL, and the kernel after 15 bytes.
  if (!isInterfaceName(name)) return undefined;
  return libc().if_nametoindex(name) || undefined;
}

/** Returns the name of an interface. @returns undefined if no interface has this number */
export function interfaceName(index: number): string | undefined {
  checkInteger('index', index, 0, 0xffff_ffff);
  const { bytes, address } = allocate(IF_NAMESIZE);
  if (libc().if_indextoname(index, address) === 0) return undefined;
  return Buffer.from(bytes.subarray(0, bytes.indexOf(0))).toString();
}

const IF_NAMESIZE = 16;
