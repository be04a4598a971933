/**
 * The fields of a configuration file: how each field is read into a section and written from it.
 *
 * `read` is called once for each line of the field, with its value. `write` returns one value per
 * line, and none if the field is not set.
 *
 * The syntax of a value depends on the program that reads it. wg-quick reads the fields about the
 * host. In these fields, an empty value means that nothing is set. The exception is SaveConfig,
 * which must have a value. The items of a list are separated by commas or blanks. All other lines
 * go to `wg`, which first removes all blanks and accepts no empty value. Unlike `wg`, this package
 * accepts an empty AllowedIPs.
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
} from '@litz/core';
import {
  checkBoolean,
  MAX_UINT16,
  MAX_UINT32,
  parseUnsigned,
  parseUnsignedOrHex,
  readAllowedIps,
  readHostEndpoint,
  readPublicKey,
  tryParseCidr,
  wipe,
} from '@litz/core/internals';
import type { InterfaceSection, PeerSection } from './config.ts';
import {
  checkText,
  checkTexts,
  describeExpected,
  formatIfSet,
  formatInteger,
  formatList,
  formatOffOr,
  formatSecret,
  parseIpNumber,
  parseWgEndpoint,
  splitWords,
  tryParseKey,
  tryParseWithNetmask,
} from './field-values.ts';

/** How one field of a section is read and written. */
export interface Field<Section> {
  /** Spelled as in the documentation. The file may spell it in any case. */
  name: string;
  /** Set if `wg` reads the field. Then blanks in name and value are ignored. */
  ignoresBlanks?: true;
  /**
   * Reads a value into the section. Returns undefined if the value is right. If it is wrong,
   * returns a text that says what was expected. The text contains no bytes of a key.
   */
  read(section: Section, value: string): string | undefined;
  /**
   * Returns the field's values as text. The section may contain text or typed values.
   *
   * @throws {TypeError | RangeError | WireGuardError} the value is not valid; the message names the
   *   section's field
   */
  write(section: Section): string[];
}

/** The fields of `[Interface]`, in the order in which a new file has them. */
export const INTERFACE_FIELDS: readonly Field<InterfaceSection>[] = [
  wgField({
    name: 'PrivateKey',
    read(section, value) {
      wipe(section.privateKey);
      delete section.privateKey;
      if (value === NO_KEY) return undefined;
      const key = tryParseKey(parsePrivateKey, value);
      if (!key) return EXPECTED_KEY;
      section.privateKey = key;
      return undefined;
    },
    write: ({ privateKey }) =>
      formatIfSet(privateKey, (key) => formatSecret(parsePrivateKey, key, 'privateKey')),
  }),
  wgField({
    name: 'ListenPort',
    read(section, value) {
      const port = parseUnsigned(value, MAX_UINT16);
      if (port === undefined) return describeExpected('0 to 65535', value);
      section.listenPort = port;
      return undefined;
    },
    write: ({ listenPort }) => formatInteger(listenPort, 'listenPort', 0, MAX_UINT16),
  }),
  wgField({
    name: 'FwMark',
    read(section, value) {
      const mark = value.toLowerCase() === 'off' ? 0 : parseUnsignedOrHex(value, MAX_UINT32);
      if (mark === undefined) return describeExpected('"off" or a number of 32 bits', value);
      section.fwmark = mark;
      return undefined;
    },
    write: ({ fwmark }) =>
      formatOffOr(
        formatInteger(fwmark, 'fwmark', 0, MAX_UINT32),
        (mark) => `0x${Number(mark).toString(16)}`,
      ),
  }),
  {
    name: 'Address',
    read(section, value) {
      for (const text of splitWords(value)) {
        const address = tryParseCidr(text) ?? tryParseWithNetmask(text);
        if (!address) return describeExpected('an address with prefix length', text);
        section.addresses.push(address);
      }
      return undefined;
    },
    write: ({ addresses }) => formatList(readAllowedIps(addresses, 'addresses').map(formatCidr)),
  },
  {
    name: 'DNS',
    read(section, value) {
      section.dns.push(...splitWords(value));
      return undefined;
    },
    write: ({ dns }) => formatList(checkTexts(dns, 'dns', /^[^\s,#]+$/)),
  },
  {
    name: 'MTU',
    read(section, value) {
      delete section.mtu;
      if (value === '') return undefined;
      const mtu = parseIpNumber(value, MAX_UINT16);
      if (mtu === undefined || mtu < MIN_MTU) return describeExpected(`${MIN_MTU} to 65535`, value);
      section.mtu = mtu;
      return undefined;
    },
    write: ({ mtu }) => formatInteger(mtu, 'mtu', MIN_MTU, MAX_UINT16),
  },
  {
    name: 'Table',
    read(section, value) {
      delete section.table;
      if (value === '') return undefined;
      const table = /^\d/.test(value) ? parseIpNumber(value, MAX_UINT32) : value;
      if (table === undefined || /^[+-]|\s/.test(value))
        return describeExpected(EXPECTED_TABLE, value);
      section.table = table;
      return undefined;
    },
    write: ({ table }) =>
      typeof table === 'string'
        ? [checkText(table, 'table', /^(?![+-])[^\s#]+$/)]
        : formatInteger(table, 'table', 0, MAX_UINT32),
  },
  commandField('PreUp', 'preUp'),
  commandField('PostUp', 'postUp'),
  commandField('PreDown', 'preDown'),
  commandField('PostDown', 'postDown'),
  {
    name: 'SaveConfig',
    read(section, value) {
      const word = value.toLowerCase();
      if (word !== 'true' && word !== 'false') return describeExpected('"true" or "false"', value);
      section.saveConfig = word === 'true';
      return undefined;
    },
    write({ saveConfig }) {
      checkBoolean(saveConfig, 'saveConfig');
      return formatIfSet(saveConfig, String);
    },
  },
];

/** The fields of `[Peer]`, in the order in which a new file has them. */
export const PEER_FIELDS: readonly Field<PeerSection>[] = [
  wgField({
    name: 'PublicKey',
    read(section, value) {
      const key = tryParseKey(parsePublicKey, value);
      if (!key) return EXPECTED_KEY;
      section.publicKey = key;
      return undefined;
    },
    // `write` is also called for a section that is still being read from a file. Such a section may
    // have no key yet.
    write: ({ publicKey }: Partial<PeerSection>) =>
      formatIfSet(publicKey, (key) => formatKey(readPublicKey(key, 'publicKey'))),
  }),
  wgField({
    name: 'PresharedKey',
    read(section, value) {
      wipe(section.presharedKey);
      delete section.presharedKey;
      if (value === NO_KEY) return undefined;
      const key = tryParseKey(parsePresharedKey, value);
      if (!key) return EXPECTED_KEY;
      section.presharedKey = key;
      return undefined;
    },
    write: ({ presharedKey }) =>
      formatIfSet(presharedKey, (key) => formatSecret(parsePresharedKey, key, 'presharedKey')),
  }),
  wgField({
    name: 'AllowedIPs',
    read(section, value) {
      if (value === '') return undefined;
      for (const text of value.split(',')) {
        const problem = readAllowedIp(section, text);
        if (problem !== undefined) return problem;
      }
      return undefined;
    },
    write({ allowedIps, incremental }) {
      checkBoolean(incremental, 'incremental');
      const entries = readAllowedIps(allowedIps, 'allowedIps');
      return formatList(
        entries.map((entry) => `${formatSign(entry, incremental)}${formatCidr(entry)}`),
      );
    },
  }),
  wgField({
    name: 'Endpoint',
    read(section, value) {
      const endpoint = parseWgEndpoint(value);
      if (!endpoint) return describeExpected('ADDRESS:PORT, [IPV6]:PORT or HOST:PORT', value);
      section.endpoint = endpoint;
      return undefined;
    },
    write: ({ endpoint }) =>
      formatIfSet(endpoint, (value) => formatEndpoint(readHostEndpoint(value, 'endpoint'))),
  }),
  wgField({
    name: 'PersistentKeepalive',
    read(section, value) {
      const seconds = value.toLowerCase() === 'off' ? 0 : parseUnsigned(value, MAX_UINT16);
      if (seconds === undefined) return describeExpected('"off" or 0 to 65535 seconds', value);
      section.persistentKeepalive = seconds;
      return undefined;
    },
    write: ({ persistentKeepalive }) =>
      formatOffOr(formatInteger(persistentKeepalive, 'persistentKeepalive', 0, MAX_UINT16), String),
  }),
];

/** Returns the field that a key names; undefined if there is no such field. */
export function fieldOf<Section>(
  fields: readonly Field<Section>[],
  key: string,
): Field<Section> | undefined {
  const exact = key.toLowerCase();
  const bare = withoutBlanks(exact);
  return fields.find((field) => field.name.toLowerCase() === (field.ignoresBlanks ? bare : exact));
}

function wgField<Section>(field: Field<Section>): Field<Section> {
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

/**
 * A field whose lines are commands; a comma is part of a command. An empty value adds no command.
 */
function commandField(name: string, key: CommandKey): Field<InterfaceSection> {
  return {
    name,
    read(section, value) {
      if (value !== '') section[key].push(value);
      return undefined;
    },
    write: (section) => checkTexts(section[key], key, /^(?!\s)[^\n\r#]*[^\s#]$/),
  };
}

/**
 * Parses a prefix. It may begin with `+` or `-`, as in `wg set` since wireguard-tools 1.0.20250521.
 */
function readAllowedIp(section: PeerSection, text: string): string | undefined {
  const sign = /^[+-]/.exec(text)?.[0];
  const unsigned = sign === undefined ? text : text.slice(1);
  // `wg` reads a prefix length with leading zeros as a decimal number, so the zeros are removed.
  const cidr = tryParseCidr(unsigned.replace(/\/0+(?=\d)/, '/'));
  if (!cidr) return describeExpected('an address with prefix length', text);
  if (sign !== undefined) section.incremental = true;
  section.allowedIps.push(sign === '-' ? { ...cidr, remove: true } : cidr);
  return undefined;
}

function formatSign(entry: AllowedIp, incremental: boolean | undefined): string {
  if (entry.remove === true) return '-';
  return incremental === true ? '+' : '';
}

/** A key of zeros, which `wg` takes as "no key". */
const NO_KEY = `${'A'.repeat(43)}=`;
const EXPECTED_TABLE = '"off", "auto", or a number or name of a routing table';
const EXPECTED_KEY = 'expected a key of 32 bytes in base64 (44 characters)';
/** The smallest MTU of an IPv4 link in bytes (RFC 791). */
const MIN_MTU = 68;
