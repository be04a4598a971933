/**
 * `textError`: what the parsers of this folder throw.
 *
 * @module
 */
import { WireGuardError, type WireGuardErrorCode } from '../errors.ts';
import { quote } from '../quote.ts';

/** A `TypeError` if it is no text at all. What may be a key is not shown. */
export function textError(
  code: WireGuardErrorCode,
  expected: string,
  text: unknown,
): WireGuardError | TypeError {
  if (typeof text === 'string') {
    return new WireGuardError(code, `expected ${expected}, got ${quote(text)}`);
  }
  return new TypeError(`expected ${expected} as text, got ${text === null ? 'null' : typeof text}`);
}
