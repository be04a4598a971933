/**
 * Interface addresses as people write them: '10.0.0.1/24', 'fd00::1/64'.
 *
 * @module
 */
import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import type { InterfaceAddress } from '@litz/sys';

/**
 * @param argument the name of what is parsed, for the error
 * @throws {TypeError} it is not an address of this family with a prefix length
 */
export function parseInterfaceAddress(
  text: string,
  family: 4 | 6,
  argument: string,
): InterfaceAddress {
  const [address = '', prefix = '', ...rest] = text.split('/');
  const longest = family === 4 ? 32 : 128;
  const isAddress = family === 4 ? isIPv4(address) : isIPv6(address) && !address.includes('%');
  const isPrefix = /^\d{1,3}$/.test(prefix) && Number(prefix) <= longest;
  if (!isAddress || !isPrefix || rest.length > 0) {
    const example = family === 4 ? '10.0.0.1/24' : 'fd00::1/64';
    throw new TypeError(`"${argument}" expected an address like ${example}, got ${text}`);
  }
  const bytes = family === 4 ? ipv4Bytes(address) : ipv6Bytes(address);
  return { address: bytes, prefixLength: Number(prefix) };
}

export function formatInterfaceAddress({ address, prefixLength }: InterfaceAddress): string {
  if (address.length === 4) return `${address.join('.')}/${prefixLength}`;
  const view = new DataView(address.buffer, address.byteOffset, address.length);
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(2 * i).toString(16));
  // SocketAddress shortens as inet_ntop does.
  const short = new SocketAddress({ family: 'ipv6', address: groups.join(':') }).address;
  return `${short}/${prefixLength}`;
}

function ipv4Bytes(text: string): Uint8Array {
  return Uint8Array.from(text.split('.'), Number);
}

/** Checked already. */
function ipv6Bytes(text: string): Uint8Array {
  const [head, tail] = text.split('::').map((half) => groupsOf(half));
  const bytes = new Uint8Array(16);
  bytes.set(head);
  if (tail) bytes.set(tail, 16 - tail.length);
  return bytes;
}

function groupsOf(half: string): number[] {
  if (half === '') return [];
  return half.split(':').flatMap((group) => {
    if (group.includes('.')) return [...ipv4Bytes(group)];
    const value = Number.parseInt(group, 16);
    return [value >>> 8, value & 0xff];
  });
}
