/**
 * Converts IP addresses from the text form of node:dgram to bytes and the number of an interface,
 * and back.
 *
 * @module
 */
import { formatAddress } from '@litz/core';
import { tryParseScopedAddress } from '@litz/core/internals';
import { interfaceIndex, interfaceName } from './zones.ts';

/**
 * Parses an address of node:dgram. Returns a new array of 4 or 16 bytes, and the number of the
 * interface; 0: none, or no interface has the name in the text. Returns undefined if the text is
 * not an address.
 */
export function addressFromText(
  text: string,
): { address: Uint8Array; scopeId: number } | undefined {
  const parsed = tryParseScopedAddress(text);
  if (!parsed) return undefined;
  const { address, scopeId, zone } = parsed;
  return { address, scopeId: zone === undefined ? scopeId : (interfaceIndex(zone) ?? 0) };
}

/** Formats an address of 4 or 16 bytes. A `scopeId` of 0 is left out. */
export function addressToText(address: Uint8Array, scopeId = 0): string {
  const text = formatAddress(address);
  return scopeId === 0 ? text : `${text}%${zoneOf(scopeId)}`;
}

/** node:dgram takes the name of an interface on Unix, and its number on Windows. */
function zoneOf(scopeId: number): string {
  if (process.platform === 'win32') return String(scopeId);
  return interfaceName(scopeId) ?? String(scopeId);
}
