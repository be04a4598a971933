/**
 * Reads and writes IP addresses as text. All packages of Litz use these functions.
 *
 * They behave like inet_pton and inet_ntop (POSIX; RFC 4291, section 2.2). So Litz accepts the same
 * texts as other programs on the system, and prints the same texts as `ip` and `wg`. A test in
 * `@litz/sys` compares them with the C library.
 *
 * @module
 */
import { describe } from '../field.ts';
import { textError } from './text-error.ts';

/**
 * Reads an IPv4 or IPv6 address. Returns 4 or 16 new bytes. An IPv4 address is four decimal
 * numbers; old forms such as `010.1` or `0x7f.1` are refused. A zone is refused;
 * `tryParseScopedAddress` accepts one.
 *
 * @throws {WireGuardError} `ERR_LITZ_INVALID_ADDRESS`
 * @throws {TypeError} `text` is not a string
 */
export function parseAddress(text: string): Uint8Array {
  const address = tryParseAddress(text);
  if (address) return address;
  throw textError('ERR_LITZ_INVALID_ADDRESS', 'an IPv4 or IPv6 address', text);
}

/** Reads an address as `parseAddress` does. Returns undefined if the text is not an address. */
export function tryParseAddress(text: string): Uint8Array | undefined {
  if (typeof text !== 'string' || text.length > MAX_TEXT) return undefined;
  if (text.includes(':')) return readIpv6(text);
  const bytes = new Uint8Array(4);
  return readIpv4(text, 0, bytes, 0) ? bytes : undefined;
}

/**
 * Returns the text of an address. Letters are lower case. `::` stands for the longest sequence of
 * zero groups, and for the first sequence if several are equally long. If an IPv6 address contains
 * an IPv4 address, the end is written as IPv4: `::ffff:192.0.2.1`, `::192.0.2.1`.
 *
 * @throws {TypeError} `address` is not a Uint8Array of 4 or 16 bytes
 */
export function formatAddress(address: Uint8Array): string {
  if (!(address instanceof Uint8Array)) {
    throw new TypeError(`"address" expected a Uint8Array, got ${describe(address)}`);
  }
  if (address.length === 4) return ipv4Text(address, 0);
  if (address.length !== 16) {
    throw new TypeError(`"address" expected 4 or 16 bytes, got ${address.length}`);
  }
  const zeros = longestZeros(address);
  if (zeros.start === 0 && (zeros.length === 6 || isMapped(address))) {
    return `${zeros.length === 6 ? '::' : '::ffff:'}${ipv4Text(address, 12)}`;
  }
  if (zeros.length < 2) return groupsText(address, 0, 8);
  const end = zeros.start + zeros.length;
  return `${groupsText(address, 0, zeros.start)}::${groupsText(address, end, 8)}`;
}

/**
 * Returns whether this is an IPv4-mapped IPv6 address: `::ffff:192.0.2.1` (RFC 4291, section
 * 2.5.5.2).
 */
export function isMapped(address: Uint8Array): boolean {
  if (address.length !== 16 || address[10] !== 0xff || address[11] !== 0xff) return false;
  for (let i = 0; i < 10; i++) if (address[i] !== 0) return false;
  return true;
}

/** Reads four decimal numbers, from `from` to the end of the text, into four bytes at `at`. */
function readIpv4(text: string, from: number, into: Uint8Array, at: number): boolean {
  let count = 0;
  let value = -1;
  for (let i = from; i <= text.length; i++) {
    const code = i === text.length ? DOT : text.charCodeAt(i);
    if (code === DOT) {
      if (value === -1 || count === 4) return false;
      into[at + count++] = value;
      value = -1;
      continue;
    }
    const digit = code - ZERO;
    // A leading zero is refused, because other parsers take a number that begins with zero for
    // octal.
    if (digit < 0 || digit > 9 || value === 0) return false;
    value = value === -1 ? digit : value * 10 + digit;
    if (value > 255) return false;
  }
  return count === 4;
}

function readIpv6(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(16);
  let filled = 0;
  /** The position of the zeros that `::` stands for; -1 before a `::` was read. */
  let gap = -1;
  let i = 0;
  if (text.startsWith('::')) {
    gap = 0;
    i = 2;
  }
  while (i < text.length) {
    const end = endOfGroup(text, i);
    if (text.charCodeAt(end) === DOT) {
      if (filled > 12 || !readIpv4(text, i, bytes, filled)) return undefined;
      return withGap(bytes, filled + 4, gap);
    }
    if (end === i || filled === 16) return undefined;
    const group = Number.parseInt(text.slice(i, end), 16);
    bytes[filled++] = group >> 8;
    bytes[filled++] = group;
    if (end === text.length) break;
    i = end + 1;
    // A colon must follow, and after it a group or a second colon.
    if (text.charCodeAt(end) !== COLON || i === text.length) return undefined;
    if (text.charCodeAt(i) !== COLON) continue;
    if (gap !== -1) return undefined;
    gap = filled;
    i++;
  }
  return withGap(bytes, filled, gap);
}

/** Returns the position after at most four hexadecimal digits. */
function endOfGroup(text: string, start: number): number {
  let end = start;
  while (end < text.length && end - start < 4 && isHexDigit(text.charCodeAt(end))) end++;
  return end;
}

function isHexDigit(code: number): boolean {
  const lower = code | 0x20;
  return (code >= ZERO && code <= ZERO + 9) || (lower >= LOWER_A && lower <= LOWER_A + 5);
}

/** Moves the bytes after the gap to the end. A gap stands for at least one group of zeros. */
function withGap(bytes: Uint8Array, filled: number, gap: number): Uint8Array | undefined {
  if (gap === -1) return filled === 16 ? bytes : undefined;
  if (filled === 16) return undefined;
  const end = 16 - (filled - gap);
  bytes.copyWithin(end, gap, filled);
  return bytes.fill(0, gap, end);
}

function ipv4Text(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

function groupsText(address: Uint8Array, from: number, to: number): string {
  let text = '';
  for (let i = from; i < to; i++) text += (i > from ? ':' : '') + groupAt(address, i).toString(16);
  return text;
}

function groupAt(address: Uint8Array, i: number): number {
  return (address[i * 2] << 8) | address[i * 2 + 1];
}

/** Returns the first of the longest sequences of zero groups. */
function longestZeros(address: Uint8Array): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let length = 0;
  for (let i = 0; i < 8; i++) {
    length = groupAt(address, i) === 0 ? length + 1 : 0;
    if (length > best.length) best = { start: i - length + 1, length };
  }
  return best;
}

const ZERO = 0x30;
const LOWER_A = 0x61;
const DOT = 0x2e;
const COLON = 0x3a;
/** The length of `0000:0000:0000:0000:0000:ffff:255.255.255.255`. */
const MAX_TEXT = 45;
