/**
 * Reads and writes keys, interface names, endpoints and numbers as text, and makes text safe to
 * print. Also exports what `@litz/sys` needs. This entry loads no cryptography, so a command that
 * imports it starts fast: `@litz/core` also loads the portable cryptography, which takes tens of
 * milliseconds. Like `@litz/core/internals`, this entry may change with every version.
 *
 * @module
 */
export {
  formatKey,
  generatePrivateKey,
  parsePresharedKey,
  parsePrivateKey,
  parsePublicKey,
} from '../keys.ts';
export { protectSecretsWith } from '../crypto/secret-bytes.ts';
export { WireGuardError } from '../errors.ts';
export { printable, quote, redactKeys } from '../quote.ts';
export { isInterfaceName, newInterfaceNameFault } from './interface-name.ts';
export { parseEndpoint } from './endpoint.ts';
export { parseUnsigned } from './unsigned.ts';
