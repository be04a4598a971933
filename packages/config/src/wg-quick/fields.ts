/**
 * The fields of a configuration file: how each one is read into a section and written out of it.
 *
 * `read` is called once for each line of the field, with its value. `write` returns one value per
 * line, and none if the field is not set.
 *
 * The syntax of a value depends on the program that reads it. wg-quick reads the fields about the
 * host: an empty value means none, and lists have commas or blanks. All other lines go to `wg`,
 * which first removes all blanks and accepts no empty value.
 *
 * @module
 */
import {
  formatCidr,
  formatEndpoint,
  formatKey,
  parsePresharedKey,
  parsePrivateKey,
  parsePublicKey,
  type AllowedIp,
  type Cidr,
  type Endpoint,
  type HostEndpoint,
  type PresharedKey,
  type PrivateKey,
} from '@litz/core';
import {
  checkArray,
  checkBoolean,
  checkInteger,
  describe,
  MAX_UINT16,
  MAX_UINT32,
  parseUnsigned,
  parseUnsignedOrHex,
  quote,
  readAllowedIps,
  readField,
  readHostEndpoint,
  readPublicKey,
  tryParseAddress,
  tryParseCidr,
  tryParseEndpoint,
  wipe,
} from '@litz/core/internals';
import type { InterfaceSection, PeerSection } from './config.ts';

export interface Field<Section> {
  /** Spelled as in the documentation. The file may spell it in any case. */
  name: string;
  /** Set if `wg` reads the field. Then blanks in name and value are ignored. */
  ignoresBlanks?: true;
  /**
   * Reads a value into the section. Returns undefined if it is right, else what was expected,
   * without the bytes of a key.
   */
  read(section: Section, value: string): string | undefined;
  /**
   * Returns the field's values as text. The section may contain text or typed values.
   *
   * @throws {TypeError | RangeError | WireGuardError} another value; the message names the
   *   section's field
   */
  write(section: Section): string[];
}

export const INTERFACE_FIELDS: readonly Field<InterfaceSection>[] = [
  ofWg({
    name: 'PrivateKey',
    read(section, value) {
      wipe(section.privateKey);
      delete section.privateKey;
      if (value === NO_KEY) return undefined;
      const key = tryKey(parsePrivateKey, value);
      if (!key) return A_KEY;
      section.privateKey = key;
      return undefined;
    },
    write: ({ privateKey }) =>
      ifSet(privateKey, (key) => secretText(parsePrivateKey, key, 'privateKey')),
  }),
  ofWg({
    name: 'ListenPort',
    read(section, value) {
      const port = parseUnsigned(value, MAX_UINT16);
      if (port === undefined) return expected('0 to 65535', value);
      section.listenPort = port;
      return undefined;
    },
    write: ({ listenPort }) => integer(listenPort, 'listenPort', 0, MAX_UINT16),
  }),
  ofWg({
    name: 'FwMark',
    read(section, value) {
      const mark = value.toLowerCase() === 'off' ? 0 : parseUnsignedOrHex(value, MAX_UINT32);
      if (mark === undefined) return expected('"off" or a number of 32 bits', value);
      section.fwmark = mark;
      return undefined;
    },
    write: ({ fwmark }) =>
      offOr(integer(fwmark, 'fwmark', 0, MAX_UINT32), (mark) => `0x${Number(mark).toString(16)}`),
  }),
  {
    name: 'Address',
    read(section, value) {
      for (const text of wordsOf(value)) {
        const address = tryParseCidr(text) ?? withNetmask(text);
        if (!address) return expected('an address with prefix length', text);
        section.addresses.push(address);
      }
      return undefined;
    },
    write: ({ addresses }) => list(readAllowedIps(addresses, 'addresses').map(formatCidr)),
  },
  {
    name: 'DNS',
    read(section, value) {
      section.dns.push(...wordsOf(value));
      return undefined;
    },
    write: ({ dns }) => list(texts(dns, 'dns', /^[^\s,#]+$/)),
  },
  {
    name: 'MTU',
    read(section, value) {
      delete section.mtu;
      if (value === '') return undefined;
      const mtu = numberForIp(value, MAX_UINT16);
      if (mtu === undefined || mtu < MIN_MTU) return expected(`${MIN_MTU} to 65535`, value);
      section.mtu = mtu;
      return undefined;
    },
    write: ({ mtu }) => integer(mtu, 'mtu', MIN_MTU, MAX_UINT16),
  },
  {
    name: 'Table',
    read(section, value) {
      delete section.table;
      if (value === '') return undefined;
      const table = /^\d/.test(value) ? numberForIp(value, MAX_UINT32) : value;
      if (table === undefined || /^[+-]|\s/.test(value)) return expected(A_TABLE, value);
      section.table = table;
      return undefined;
    },
    write: ({ table }) =>
      typeof table === 'string'
        ? [oneText(table, 'table', /^(?![+-])[^\s#]+$/)]
        : integer(table, 'table', 0, MAX_UINT32),
  },
  commands('PreUp', 'preUp'),
  commands('PostUp', 'postUp'),
  commands('PreDown', 'preDown'),
  commands('PostDown', 'postDown'),
  {
    name: 'SaveConfig',
    read(section, value) {
      const word = value.toLowerCase();
      if (word !== 'true' && word !== 'false') return expected('"true" or "false"', value);
      section.saveConfig = word === 'true';
      return undefined;
    },
    write({ saveConfig }) {
      checkBoolean(saveConfig, 'saveConfig');
      return ifSet(saveConfig, String);
    },
  },
];

export const PEER_FIELDS: readonly Field<PeerSection>[] = [
  ofWg({
    name: 'PublicKey',
    read(section, value) {
      const key = tryKey(parsePublicKey, value);
      if (!key) return A_KEY;
      section.publicKey = key;
      return undefined;
    },
    // While a section is being read, it may not have a key yet.
    write: ({ publicKey }: Partial<PeerSection>) =>
      ifSet(publicKey, (key) => formatKey(readPublicKey(key, 'publicKey'))),
  }),
  ofWg({
    name: 'PresharedKey',
    read(section, value) {
      wipe(section.presharedKey);
      delete section.presharedKey;
      if (value === NO_KEY) return undefined;
      const key = tryKey(parsePresharedKey, value);
      if (!key) return A_KEY;
      section.presharedKey = key;
      return undefined;
    },
    write: ({ presharedKey }) =>
      ifSet(presharedKey, (key) => secretText(parsePresharedKey, key, 'presharedKey')),
  }),
  ofWg({
    name: 'AllowedIPs',
    read(section, value) {
      if (value === '') return undefined;
      for (const text of value.split(',')) {
        const complaint = readAllowedIp(section, text);
        if (complaint !== undefined) return complaint;
      }
      return undefined;
    },
    write({ allowedIps, incremental }) {
      checkBoolean(incremental, 'incremental');
      const entries = readAllowedIps(allowedIps, 'allowedIps');
      return list(entries.map((entry) => `${signOf(entry, incremental)}${formatCidr(entry)}`));
    },
  }),
  ofWg({
    name: 'Endpoint',
    read(section, value) {
      const endpoint = readEndpoint(value);
      if (!endpoint) return expected('ADDRESS:PORT, [IPV6]:PORT or HOST:PORT', value);
      section.endpoint = endpoint;
      return undefined;
    },
    write: ({ endpoint }) =>
      ifSet(endpoint, (value) => formatEndpoint(readHostEndpoint(value, 'endpoint'))),
  }),
  ofWg({
    name: 'PersistentKeepalive',
    read(section, value) {
      const seconds = value.toLowerCase() === 'off' ? 0 : parseUnsigned(value, MAX_UINT16);
      if (seconds === undefined) return expected('"off" or 0 to 65535 seconds', value);
      section.persistentKeepalive = seconds;
      return undefined;
    },
    write: ({ persistentKeepalive }) =>
      offOr(integer(persistentKeepalive, 'persistentKeepalive', 0, MAX_UINT16), String),
  }),
];

/** Returns the field that a key names; undefined if none. */
export function fieldOf<Section>(
  fields: readonly Field<Section>[],
  key: string,
): Field<Section> | undefined {
  const exact = key.toLowerCase();
  const bare = withoutBlanks(exact);
  return fields.find((field) => field.name.toLowerCase() === (field.ignoresBlanks ? bare : exact));
}

function ofWg<Section>(field: Field<Section>): Field<Section> {
  return {
    ...field,
    ignoresBlanks: true,
    read: (section, value) => field.read(section, withoutBlanks(value)),
  };
}

function withoutBlanks(text: string): string {
  return text.replaceAll(/\s+/g, '');
}

type CommandKey = 'preUp' | 'postUp' | 'preDown' | 'postDown';

/** A field whose lines are commands; commas belong to the shell. An empty line means none. */
function commands(name: string, key: CommandKey): Field<InterfaceSection> {
  return {
    name,
    read(section, value) {
      if (value !== '') section[key].push(value);
      return undefined;
    },
    write: (section) => texts(section[key], key, /^(?!\s)[^\n\r#]*[^\s#]$/),
  };
}

/** Splits a list with commas or blanks, or both. Extra ones are ignored. */
function wordsOf(value: string): string[] {
  return value.split(/[\s,]+/).filter((word) => word !== '');
}

/** Parses `10.0.0.1/255.255.255.0`, which `ip address add` accepts. */
function withNetmask(text: string): Cidr | undefined {
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
 * Parses a number as `ip` does, but refuses a leading zero: `ip` would read the number as octal,
 * but a person who writes a leading zero rarely means that.
 */
function numberForIp(value: string, max: number): number | undefined {
  return /^0\d/.test(value) ? undefined : parseUnsignedOrHex(value, max);
}

/**
 * Parses an endpoint as `wg` does: IPv6 needs no brackets, and a name or IPv4 address may have
 * them.
 */
function readEndpoint(value: string): Endpoint | HostEndpoint | undefined {
  const [, bracketed, bare, port] = /^(?:\[([^\]]*)\]|([^[].*)):([^:]*)$/s.exec(value) ?? [];
  const host = bracketed ?? bare;
  if (host === undefined) return undefined;
  return tryParseEndpoint(host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);
}

/** Parses a prefix; `+` and `-` as in `wg set` since wireguard-tools 1.0.20250521. */
function readAllowedIp(section: PeerSection, text: string): string | undefined {
  const sign = /^[+-]/.exec(text)?.[0];
  const unsigned = sign === undefined ? text : text.slice(1);
  // `wg` reads a prefix length with leading zeros as a decimal number.
  const cidr = tryParseCidr(unsigned.replace(/\/0+(?=\d)/, '/'));
  if (!cidr) return expected('an address with prefix length', text);
  if (sign !== undefined) section.incremental = true;
  section.allowedIps.push(sign === '-' ? { ...cidr, remove: true } : cidr);
  return undefined;
}

function signOf(entry: AllowedIp, incremental: boolean | undefined): string {
  if (entry.remove === true) return '-';
  return incremental === true ? '+' : '';
}

function tryKey<Key>(parse: (text: string) => Key, text: string): Key | undefined {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

function list(items: readonly string[]): string[] {
  return items.length === 0 ? [] : [items.join(', ')];
}

/** null is not undefined: it is passed to the check of the field, which refuses it. */
function ifSet<T>(value: T | undefined, format: (value: T) => string): string[] {
  return value === undefined ? [] : [format(value)];
}

function integer(value: unknown, field: string, min: number, max: number): string[] {
  checkInteger(value, field, min, max);
  return ifSet(value, String);
}

function offOr(values: string[], format: (value: string) => string): string[] {
  return values.map((value) => (value === '0' ? 'off' : format(value)));
}

/** @param pattern what a text must match, so that reading it again gives the same text */
function texts(values: unknown, field: string, pattern: RegExp): string[] {
  checkArray(values, field);
  return (values as unknown[]).map((text, i) => oneText(text, `${field}[${i}]`, pattern));
}

function oneText(text: unknown, field: string, pattern: RegExp): string {
  if (typeof text === 'string' && pattern.test(text)) return text;
  const got = typeof text === 'string' ? quote(text) : describe(text);
  throw new TypeError(`"${field}" expected text that fits into a line, got ${got}`);
}

/** Returns a key as text, and wipes the copy that the parser made. */
function secretText<Key extends PrivateKey | PresharedKey>(
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

function expected(what: string, got: string): string {
  return `expected ${what}, got ${quote(got)}`;
}

/** `wg` writes a key of zeros for "none". */
const NO_KEY = `${'A'.repeat(43)}=`;
const A_TABLE = '"off", "auto", or a number or name of a routing table';
const A_KEY = 'expected a key of 32 bytes in base64 (44 characters)';
/** The smallest MTU of an IPv4 link in bytes (RFC 791). */
const MIN_MTU = 68;
