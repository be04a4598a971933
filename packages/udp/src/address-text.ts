/**
 * IP addresses between text, as node:dgram has them, and bytes.
 *
 * Reads what an operating system prints; for what people write, `@litz/config` has the parser.
 *
 * @module
 */
import { networkInterfaces } from 'node:os';

/** An address as node:dgram gives it. A new array of 4 or 16 bytes, undefined if it is neither. */
export function addressFromText(
  text: string,
): { address: Uint8Array; scopeId: number } | undefined {
  const [bare = '', zone] = text.split('%', 2);
  const address = bare.includes(':') ? sixFromText(bare) : fourFromText(bare);
  return address && { address, scopeId: zone === undefined ? 0 : scopeOfZone(zone) };
}

/** `address` has 4 or 16 bytes. A scope of 0 is left out. */
export function addressToText(address: Uint8Array, scopeId = 0): string {
  if (address.length === 4) return address.join('.');
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((address[i]! << 8) | address[i + 1]!).toString(16));
  return groups.join(':') + (scopeId === 0 ? '' : `%${zoneOfScope(scopeId)}`);
}

function fourFromText(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (const [i, part] of parts.entries()) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return undefined;
    bytes[i] = Number(part);
  }
  return bytes;
}

function sixFromText(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groupsFromText(halves[0]!);
  const tail = halves.length === 2 ? groupsFromText(halves[1]!) : [];
  if (!head || !tail) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => 0), ...tail];
  return Uint8Array.from(groups.flatMap((group) => [group >>> 8, group & 0xff]));
}

function groupsFromText(text: string): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (/^[\da-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else {
      // "::ffff:192.0.2.1": only the last group may be an IPv4 address.
      const four = i === parts.length - 1 ? fourFromText(part) : undefined;
      if (!four) return undefined;
      groups.push((four[0]! << 8) | four[1]!, (four[2]! << 8) | four[3]!);
    }
  }
  return groups;
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
