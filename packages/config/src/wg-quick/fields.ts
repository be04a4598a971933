/**
 * The fields of a configuration file: how each is read into a section and written out of it.
 *
 * `read` is given one value, and is called once for each line of the field; `write` gives a value per
 * line, none if the field is not set.
 *
 * @module
 */
import {
  formatKey,
  parsePresharedKey,
  parsePrivateKey,
  parsePublicKey,
  type AllowedIp,
} from '@litz/core';
import { quote } from '@litz/core/internals';
import { formatCidr, tryParseCidr, type Cidr } from '../text/cidr.ts';
import { formatEndpoint, tryParseEndpoint } from '../text/endpoint.ts';
import { MAX_UINT16, MAX_UINT32, parseUnsigned, parseUnsignedOrHex } from '../text/unsigned.ts';
import type { InterfaceSection, PeerSection } from './config.ts';

export interface Field<Section> {
  /** As the documentation spells it; the file may do so in any case. */
  name: string;
  /** What was expected if the value is wrong, undefined if it is right. Never shows a key. */
  read(section: Section, value: string): string | undefined;
  write(section: Section): string[];
}

export const INTERFACE_FIELDS: readonly Field<InterfaceSection>[] = [
  {
    name: 'PrivateKey',
    read(section, value) {
      const key = tryKey(parsePrivateKey, value);
      if (!key) return A_KEY;
      section.privateKey = key;
      return undefined;
    },
    write: ({ privateKey }) => (privateKey ? [formatKey(privateKey)] : []),
  },
  {
    name: 'ListenPort',
    read(section, value) {
      const port = parseUnsigned(value, MAX_UINT16);
      if (port === undefined) return expected('0 to 65535', value);
      section.listenPort = port;
      return undefined;
    },
    write: ({ listenPort }) => numbers(listenPort),
  },
  {
    name: 'FwMark',
    read(section, value) {
      const mark = value.toLowerCase() === 'off' ? 0 : parseUnsignedOrHex(value, MAX_UINT32);
      if (mark === undefined) return expected('"off" or a number of 32 bits', value);
      section.fwmark = mark;
      return undefined;
    },
    write: ({ fwmark }) => offOr(fwmark, (mark) => `0x${mark.toString(16)}`),
  },
  {
    name: 'Address',
    read: (section, value) => readList(value, (text) => readCidr(section.addresses, text)),
    write: ({ addresses }) => list(addresses.map(formatCidr)),
  },
  {
    name: 'DNS',
    read: (section, value) =>
      readList(value, (text) => {
        if (/\s/.test(text)) return expected('addresses and domains with commas between', text);
        section.dns.push(text);
        return undefined;
      }),
    write: ({ dns }) => list(dns),
  },
  {
    name: 'MTU',
    read(section, value) {
      const mtu = parseUnsigned(value, MAX_UINT16);
      if (mtu === undefined || mtu < MIN_MTU) return expected(`${MIN_MTU} to 65535`, value);
      section.mtu = mtu;
      return undefined;
    },
    write: ({ mtu }) => numbers(mtu),
  },
  {
    name: 'Table',
    read(section, value) {
      const isWord = value === 'off' || value === 'auto';
      const table = isWord ? value : parseUnsignedOrHex(value, MAX_UINT32);
      if (table === undefined || table === 0) return expected('"off", "auto" or a number', value);
      section.table = table;
      return undefined;
    },
    write: ({ table }) => (table === undefined ? [] : [String(table)]),
  },
  commands('PreUp', 'preUp'),
  commands('PostUp', 'postUp'),
  commands('PreDown', 'preDown'),
  commands('PostDown', 'postDown'),
  {
    name: 'SaveConfig',
    read(section, value) {
      if (value !== 'true' && value !== 'false') return expected('"true" or "false"', value);
      section.saveConfig = value === 'true';
      return undefined;
    },
    write: ({ saveConfig }) => (saveConfig === undefined ? [] : [String(saveConfig)]),
  },
];

export const PEER_FIELDS: readonly Field<PeerSection>[] = [
  {
    name: 'PublicKey',
    read(section, value) {
      const key = tryKey(parsePublicKey, value);
      if (!key) return A_KEY;
      section.publicKey = key;
      return undefined;
    },
    // Not there yet in a section that is being read.
    write: ({ publicKey }: Partial<PeerSection>) => (publicKey ? [formatKey(publicKey)] : []),
  },
  {
    name: 'PresharedKey',
    read(section, value) {
      const key = tryKey(parsePresharedKey, value);
      if (!key) return A_KEY;
      section.presharedKey = key;
      return undefined;
    },
    write: ({ presharedKey }) => (presharedKey ? [formatKey(presharedKey)] : []),
  },
  {
    name: 'AllowedIPs',
    read: (section, value) =>
      value === '' ? undefined : readList(value, (text) => readAllowedIp(section, text)),
    write: ({ allowedIps, incremental }) =>
      list(allowedIps.map((entry) => `${signOf(entry, incremental)}${formatCidr(entry)}`)),
  },
  {
    name: 'Endpoint',
    read(section, value) {
      const endpoint = tryParseEndpoint(value);
      if (!endpoint) return expected('ADDRESS:PORT, [IPV6]:PORT or HOST:PORT', value);
      section.endpoint = endpoint;
      return undefined;
    },
    write: ({ endpoint }) => (endpoint ? [formatEndpoint(endpoint)] : []),
  },
  {
    name: 'PersistentKeepalive',
    read(section, value) {
      const seconds = value.toLowerCase() === 'off' ? 0 : parseUnsigned(value, MAX_UINT16);
      if (seconds === undefined) return expected('"off" or 0 to 65535 seconds', value);
      section.persistentKeepalive = seconds;
      return undefined;
    },
    write: ({ persistentKeepalive }) => offOr(persistentKeepalive, String),
  },
];

type CommandKey = 'preUp' | 'postUp' | 'preDown' | 'postDown';

/** Each line is a command; commas are the shell's. */
function commands(name: string, key: CommandKey): Field<InterfaceSection> {
  return {
    name,
    read(section, value) {
      if (value === '') return 'expected a command';
      section[key].push(value);
      return undefined;
    },
    write: (section) => [...section[key]],
  };
}

/** The first complaint about an item of a list with commas. */
function readList(value: string, read: (text: string) => string | undefined): string | undefined {
  for (const item of value.split(',')) {
    const complaint = read(item.trim());
    if (complaint !== undefined) return complaint;
  }
  return undefined;
}

function readCidr(into: Cidr[], text: string): string | undefined {
  const cidr = tryParseCidr(text);
  if (!cidr) return expected('an address with prefix length', text);
  into.push(cidr);
  return undefined;
}

/** `+` and `-` as in `wg set` since wireguard-tools 1.0.20250521. */
function readAllowedIp(section: PeerSection, text: string): string | undefined {
  const sign = /^[+-]/.exec(text)?.[0];
  const cidr = tryParseCidr(sign === undefined ? text : text.slice(1));
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

function numbers(value: number | undefined): string[] {
  return value === undefined ? [] : [String(value)];
}

function offOr(value: number | undefined, format: (value: number) => string): string[] {
  if (value === undefined) return [];
  return [value === 0 ? 'off' : format(value)];
}

function expected(what: string, got: string): string {
  return `expected ${what}, got ${quote(got)}`;
}

const A_KEY = 'expected a key of 32 bytes in base64 (44 characters)';
/** What an IPv4 link must carry (RFC 791). */
const MIN_MTU = 68;
