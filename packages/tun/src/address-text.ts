/**
 * Interface addresses as people write them: '10.0.0.1/24', 'fd00::1/64'.
 *
 * @module
 */
import { SocketAddress } from 'node:net';
import { quote } from '@litz/core/internals';
import { addressBytes, type InterfaceAddress } from '@litz/sys';

/**
 * @param argument the name of what is parsed, for the error
 * @throws {TypeError} it is not an address of this family with a prefix length
 */
export function parseInterfaceAddress(
  text: string,
  family: 4 | 6,
  argument: string,
): InterfaceAddress {
  const [bare = '', prefix = '', ...rest] = text.split('/');
  const length = family === 4 ? 4 : 16;
  const address = addressBytes(bare);
  const isPrefix = /^\d{1,3}$/.test(prefix) && Number(prefix) <= length * 8;
  if (address?.length !== length || !isPrefix || rest.length > 0) {
    const example = family === 4 ? '10.0.0.1/24' : 'fd00::1/64';
    throw new TypeError(`"${argument}" expected an address like ${example}, got ${quote(text)}`);
  }
  return { address, prefixLength: Number(prefix) };
}

export function formatInterfaceAddress({ address, prefixLength }: InterfaceAddress): string {
  if (address.length === 4) return `${address.join('.')}/${prefixLength}`;
  const view = new DataView(address.buffer, address.byteOffset, address.length);
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(2 * i).toString(16));
  // SocketAddress shortens as inet_ntop does.
  const short = new SocketAddress({ family: 'ipv6', address: groups.join(':') }).address;
  return `${short}/${prefixLength}`;
}
