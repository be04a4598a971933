/**
 * IP addresses between text, as node:dgram has them, and bytes.
 *
 * @module
 */
import { networkInterfaces } from 'node:os';
import { addressBytes } from '@litz/sys';

/** An address as node:dgram gives it. A new array of 4 or 16 bytes, undefined if it is neither. */
export function addressFromText(
  text: string,
): { address: Uint8Array; scopeId: number } | undefined {
  const [bare = '', zone] = text.split('%', 2);
  const address = addressBytes(bare);
  return address && { address, scopeId: zone === undefined ? 0 : scopeOfZone(zone) };
}

/** `address` has 4 or 16 bytes. A scope of 0 is left out. */
export function addressToText(address: Uint8Array, scopeId = 0): string {
  if (address.length === 4) return address.join('.');
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((address[i]! << 8) | address[i + 1]!).toString(16));
  return groups.join(':') + (scopeId === 0 ? '' : `%${zoneOfScope(scopeId)}`);
}

/** A zone is an interface's name on Unix and its number on Windows. */
function scopeOfZone(zone: string): number {
  if (/^\d+$/.test(zone)) return Number(zone);
  for (const address of networkInterfaces()[zone] ?? []) {
    if (address.family === 'IPv6' && address.scopeid) return address.scopeid;
  }
  return 0;
}

function zoneOfScope(scopeId: number): string {
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    for (const address of addresses ?? []) {
      if (address.family === 'IPv6' && address.scopeid === scopeId) {
        return process.platform === 'win32' ? String(scopeId) : name;
      }
    }
  }
  return String(scopeId);
}
