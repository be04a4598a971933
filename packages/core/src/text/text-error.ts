/**
 * `textError`: creates the errors that the parsers in this folder throw.
 *
 * @module
 */
import { WireGuardError, type WireGuardErrorCode } from '../errors.ts';
import { quote } from '../quote.ts';

/**
 * Returns a `WireGuardError`, or a `TypeError` if `text` is not a string. The message does not show
 * text that may be a key.
 */
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
