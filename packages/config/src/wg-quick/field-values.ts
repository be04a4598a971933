/**
 * Parses and formats the values of the fields of a configuration file, as `wg`, `ip` and wg-quick
 * do.
 *
 * The format functions return the field's values as text: one for each line, and none if the field
 * is not set.
 *
 * @module
 */
import type { Cidr, Endpoint, HostEndpoint, PresharedKey, PrivateKey } from '@litz/core';
import {
  checkArray,
  checkInteger,
  describe,
  parseUnsignedOrHex,
  quote,
  readField,
  tryParseAddress,
  tryParseEndpoint,
  wipe,
} from '@litz/core/internals';

/**
 * Splits a list whose items are separated by commas, blanks or both. Extra commas and blanks are
 * ignored.
 */
export function splitWords(value: string): string[] {
  return value.split(/[\s,]+/).filter((word) => word !== '');
}

/**
 * Parses an IPv4 address with a netmask, such as `10.0.0.1/255.255.255.0`, as `ip address add`
 * does.
 */
export function tryParseWithNetmask(text: string): Cidr | undefined {
  const [, bare = '', mask = ''] = /^([^/]*)\/([^/]*)$/.exec(text) ?? [];
  const address = tryParseAddress(bare);
  const bytes = tryParseAddress(mask);
  if (address?.length !== 4 || bytes?.length !== 4) return undefined;
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('');
  const prefixLength = bits.lastIndexOf('1') + 1;
  return bits.indexOf('0') < prefixLength && bits.includes('0')
    ? undefined
    : { address, prefixLength };
}

/**
 * Parses a number as `ip` does, but refuses a leading zero. `ip` would read the number as octal,
 * and a person who writes a leading zero rarely means that.
 */
export function parseIpNumber(value: string, max: number): number | undefined {
  return /^0\d/.test(value) ? undefined : parseUnsignedOrHex(value, max);
}

/**
 * Parses an endpoint as `wg` does: IPv6 needs no brackets, and a name or IPv4 address may have
 * brackets.
 */
export function parseWgEndpoint(value: string): Endpoint | HostEndpoint | undefined {
  const [, bracketed, bare, port] = /^(?:\[([^\]]*)\]|([^[].*)):([^:]*)$/s.exec(value) ?? [];
  const host = bracketed ?? bare;
  if (host === undefined) return undefined;
  return tryParseEndpoint(host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);
}

/** Returns the key; undefined if `parse` throws. */
export function tryParseKey<Key>(parse: (text: string) => Key, text: string): Key | undefined {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

/** Joins the items to the value of one line. Returns no lines if there are no items. */
export function formatList(items: readonly string[]): string[] {
  return items.length === 0 ? [] : [items.join(', ')];
}

/**
 * Formats a value. Returns no lines if it is undefined. null is passed to `format`, which refuses
 * it.
 */
export function formatIfSet<T>(value: T | undefined, format: (value: T) => string): string[] {
  return value === undefined ? [] : [format(value)];
}

/** @throws {TypeError | RangeError} the value is set, and is not an integer from `min` to `max` */
export function formatInteger(value: unknown, field: string, min: number, max: number): string[] {
  checkInteger(value, field, min, max);
  return formatIfSet(value, String);
}

/** Replaces "0" by "off", and formats every other value with `format`. */
export function formatOffOr(values: string[], format: (value: string) => string): string[] {
  return values.map((value) => (value === '0' ? 'off' : format(value)));
}

/**
 * Checks texts, and returns them.
 *
 * @param pattern what a text must match, so that reading it again gives the same text
 * @throws {TypeError} a value is not a text that matches `pattern`; the message names the field and
 *   the index of the value
 */
export function checkTexts(values: unknown, field: string, pattern: RegExp): string[] {
  checkArray(values, field);
  return (values as unknown[]).map((text, i) => checkText(text, `${field}[${i}]`, pattern));
}

/** Checks one text as `checkTexts` does. */
export function checkText(text: unknown, field: string, pattern: RegExp): string {
  if (typeof text === 'string' && pattern.test(text)) return text;
  const got = typeof text === 'string' ? quote(text) : describe(text);
  throw new TypeError(`"${field}" expected text that fits into a line, got ${got}`);
}

/** Returns a key in base64, and wipes the copy that the parser made. */
export function formatSecret<Key extends PrivateKey | PresharedKey>(
  parse: (key: Key) => Key,
  key: Key,
  field: string,
): string {
  const copy = readField(field, () => parse(key));
  try {
    return copy.toBase64();
  } finally {
    wipe(copy);
  }
}

/** Returns the text of an error: what was expected, and what was found instead. */
export function describeExpected(what: string, got: string): string {
  return `expected ${what}, got ${quote(got)}`;
}
