/**
 * IP addresses from text, without a zone: exactly what inet_pton takes.
 *
 * For what people write in files, `@litz/config` has the parser.
 *
 * @module
 */
import { isIPv4, isIPv6 } from 'node:net';

/** A new array of 4 or 16 bytes; undefined if it is no address. */
export function addressBytes(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(fourOf(text));
  // Node takes a zone for part of the address.
  return isIPv6(text) && !text.includes('%') ? sixOf(text) : undefined;
}

function fourOf(text: string): number[] {
  return text.split('.').map(Number);
}

/** Of an address that Node has checked. */
function sixOf(text: string): Uint8Array {
  const [head = [], tail] = text.split('::').map((half) => bytesOf(half));
  const bytes = new Uint8Array(16);
  bytes.set(head);
  if (tail) bytes.set(tail, 16 - tail.length);
  return bytes;
}

function bytesOf(half: string): number[] {
  if (half === '') return [];
  return half.split(':').flatMap((group) => {
    // "::ffff:192.0.2.1"
    if (group.includes('.')) return fourOf(group);
    const value = Number.parseInt(group, 16);
    return [value >>> 8, value & 0xff];
  });
}
