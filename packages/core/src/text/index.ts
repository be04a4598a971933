/**
 * Keys, interface names, endpoints and numbers as text, text that is safe to print, and what
 * `@litz/sys` needs, without any cryptography. With this entry, a command starts fast: `@litz/core`
 * also loads the portable cryptography, which takes tens of milliseconds. Like
 * `@litz/core/internals`, this entry may change with every version.
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
