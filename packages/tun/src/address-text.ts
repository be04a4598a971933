/**
 * Parses interface addresses as people write them: '10.0.0.1/24', 'fd00::1/64'.
 *
 * @module
 */
import { quote, tryParseCidr } from '@litz/core/internals';
import type { InterfaceAddress } from '@litz/sys';

/**
 * Parses an address of this family with its prefix length.
 *
 * @param argument the name of the parsed value, for the error
 * @throws {TypeError} `text` is not such an address
 */
export function parseInterfaceAddress(
  text: string,
  family: 4 | 6,
  argument: string,
): InterfaceAddress {
  const address = tryParseCidr(text);
  const isOfFamily = address?.address.length === (family === 4 ? 4 : 16);
  if (address && isOfFamily && text.includes('/')) return address;
  const example = family === 4 ? '10.0.0.1/24' : 'fd00::1/64';
  const got = typeof text === 'string' ? quote(text) : typeof text;
  throw new TypeError(`"${argument}" expected an address like ${example}, got ${got}`);
}
