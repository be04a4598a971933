/**
 * Interfaces by name and by number, as zones of link-local addresses need them (if_nametoindex(3)). An
 * interface that is down, or that has no address, has a number like any other.
 *
 * @module
 */
import { isInterfaceName } from '@litz/core/internals';
import { checkInteger } from './arguments.ts';
import { libc } from './libc.ts';
import { allocate } from './memory.ts';

/**
 * In the network namespace of the calling thread.
 *
 * @returns undefined: there is none of that name
 * @throws what `libc` throws
 */
export function interfaceIndex(name: string): number | undefined {
  // C would read up to a NUL, and the kernel up to 15 bytes.
  if (!isInterfaceName(name)) return undefined;
  return libc().if_nametoindex(name) || undefined;
}

/** The way back. @returns undefined: there is none of that number */
export function interfaceName(index: number): string | undefined {
  checkInteger('index', index, 0, 0xffff_ffff);
  const { bytes, address } = allocate(IF_NAMESIZE);
  if (libc().if_indextoname(index, address) === 0) return undefined;
  return Buffer.from(bytes.subarray(0, bytes.indexOf(0))).toString();
}

const IF_NAMESIZE = 16;
