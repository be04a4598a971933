/**
 * Reads and checks the fields of a record in JSON. The readers of Litz's format and of Cilium's
 * formats use these functions. An error contains the field name of the format that was read.
 *
 * These checks need only the record itself. `membership/` checks whether the record clashes with
 * another node or with this machine.
 *
 * @module
 */
import { formatAddress, formatCidr, parsePublicKey, type Cidr, type PublicKey } from '@litz/core';
import {
  isLowOrderPoint,
  isMapped,
  isZeroKey,
  MAX_UINT16,
  quote,
  tryParseAddress,
  tryParseCidr,
} from '@litz/core/internals';
import { hostPrefix, networkOf, overlaps } from './cidr-relations.ts';
import { MOST_GENERATION, RecordError, type NodeKey } from './node-record.ts';

/** The place of a value, for errors: the node's name and the field's name in its record. */
export interface RecordField {
  readonly node: string;
  readonly field: string;
}

export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads a JSON object.
 *
 * @throws {RecordError} the value is not an object
 */
export function readObject(value: unknown, { node, field }: RecordField): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as JsonObject;
  }
  throw new RecordError(node, field, `expected an object, got ${kindOf(value)}`);
}

/**
 * Reads an array.
 *
 * @throws {RecordError} the value is not an array, or it has too few or too many values
 */
export function readArray(
  value: unknown,
  { node, field }: RecordField,
  { min, max }: { min: number; max: number },
): readonly unknown[] {
  if (!Array.isArray(value)) {
    throw new RecordError(node, field, `expected an array, got ${kindOf(value)}`);
  }
  if (value.length >= min && value.length <= max) return value;
  throw new RecordError(node, field, `expected ${min} to ${max} values, got ${value.length}`);
}

/**
 * Reads a boolean. A missing field is false.
 *
 * @throws {RecordError} the value is not a boolean
 */
export function readBoolean(value: unknown, { node, field }: RecordField): boolean {
  if (value === undefined) return false;
  if (typeof value === 'boolean') return value;
  throw new RecordError(node, field, `expected true or false, got ${kindOf(value)}`);
}

/**
 * Reads an integer from `min` to `max`.
 *
 * @throws {RecordError} the value is not an integer from `min` to `max`
 */
export function readInteger(
  value: unknown,
  { node, field }: RecordField,
  { min, max }: { min: number; max: number },
): number {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) {
    return value as number;
  }
  const got = typeof value === 'number' ? String(value) : kindOf(value);
  throw new RecordError(node, field, `expected an integer from ${min} to ${max}, got ${got}`);
}

/**
 * Reads a UDP port from 1 to 65535.
 *
 * @throws {RecordError} the value is not a port
 */
export function readPort(value: unknown, at: RecordField): number {
  return readInteger(value, at, { min: 1, max: MAX_UINT16 });
}

/**
 * Returns true if a node can have this name. The name is used in file names, in etcd keys, in logs
 * and in the table of `status`.
 */
export function isNodeName(name: unknown): name is string {
  return typeof name === 'string' && name.length <= MAX_NAME && NODE_NAME.test(name);
}

/**
 * Reads an address to which other nodes can send. Returns it as `formatAddress` writes it.
 *
 * @throws {RecordError} the value is not an address, or no node can have this address
 */
export function readNodeAddress(value: unknown, { node, field }: RecordField): string {
  const parsed = typeof value === 'string' ? tryParseAddress(value) : undefined;
  if (!parsed) {
    throw new RecordError(node, field, `expected an IPv4 or IPv6 address, got ${shown(value)}`);
  }
  const address = unmapped(parsed);
  const range = specialRange(hostPrefix(address));
  if (!range) return formatAddress(address);
  throw new RecordError(
    node,
    field,
    `${shown(value)} cannot be the address of a node: it is ${range.is}`,
  );
}

/**
 * Reads one or two addresses, at most one per family.
 *
 * @throws {RecordError} an address is bad, or two addresses have the same family
 */
export function readNodeAddresses(value: unknown, at: RecordField): string[] {
  const { node, field } = at;
  const addresses = readArray(value, at, { min: 1, max: 2 }).map((item, i) =>
    readNodeAddress(item, { node, field: `${field}[${i}]` }),
  );
  if (addresses.length === 2 && isIpv6(addresses[0]!) === isIpv6(addresses[1]!)) {
    const family = isIpv6(addresses[0]!) ? 'IPv6' : 'IPv4';
    throw new RecordError(node, field, `expected one address of each family, got two of ${family}`);
  }
  return addresses;
}

/**
 * Reads a public key in base64 and checks that a handshake can use it.
 *
 * @throws {RecordError} the value is not a key, is all zeros, or is of low order
 */
export function readNodeKey(value: unknown, { node, field }: RecordField): PublicKey {
  let key: PublicKey;
  try {
    key = parsePublicKey(value as string);
  } catch (error) {
    throw new RecordError(node, field, (error as Error).message);
  }
  if (isZeroKey(key)) throw new RecordError(node, field, 'is all zeros, which is not a key');
  if (!isLowOrderPoint(key)) return key;
  throw new RecordError(
    node,
    field,
    'is a key of low order: everyone can compute its shared secrets',
  );
}

/**
 * Reads the keys, `[{publicKey, generation, createdAt}]`: one or two, the older one first.
 *
 * @throws {RecordError} a key is bad, both keys are equal, or the generation does not rise
 */
export function readNodeKeys(value: unknown, at: RecordField): NodeKey[] {
  const { node, field } = at;
  const keys = readArray(value, at, { min: 1, max: 2 }).map((item, i) =>
    readKeyEntry(item, { node, field: `${field}[${i}]` }),
  );
  const [older, newer] = keys;
  if (!older || !newer) return keys;
  if (older.publicKey.toBase64() === newer.publicKey.toBase64()) {
    throw new RecordError(node, `${field}[1].publicKey`, 'is the same key as the first one');
  }
  if (newer.generation > older.generation) return keys;
  throw new RecordError(
    node,
    `${field}[1].generation`,
    `expected more than ${older.generation}, the generation of the older key, got ${newer.generation}`,
  );
}

/**
 * Reads a prefix that the pods of one node can have.
 *
 * @throws {RecordError} the value is not a prefix, no node can have this prefix, or it has bits set
 *   after its length
 */
export function readPodPrefix(value: unknown, at: RecordField): Cidr {
  const { node, field } = at;
  const cidr = typeof value === 'string' ? tryParseCidr(value) : undefined;
  if (!cidr || !(value as string).includes('/')) {
    throw new RecordError(node, field, `expected ADDRESS/LENGTH, got ${shown(value)}`);
  }
  checkPodPrefix(cidr, at);
  const network = networkOf(cidr);
  if (formatCidr(network) === formatCidr(cidr)) return network;
  const hint = `${shown(value)} has bits set after its prefix length; its network is ${formatCidr(network)}`;
  throw new RecordError(node, field, hint);
}

/**
 * Checks that the pods of one node can have this prefix.
 *
 * @throws {RecordError} the pods of one node cannot have it
 */
export function checkPodPrefix(cidr: Cidr, { node, field }: RecordField): void {
  checkClusterPrefix(cidr, { node, field });
  const text = formatCidr(networkOf(cidr));
  const isV4 = cidr.address.length === 4;
  const shortest = isV4 ? SHORTEST_IPV4_PREFIX : SHORTEST_IPV6_PREFIX;
  if (cidr.prefixLength >= shortest) return;
  throw new RecordError(
    node,
    field,
    `${text} is too short: a node has /${shortest} or longer over ${isV4 ? 'IPv4' : 'IPv6'}. ` +
      'A shorter prefix belongs to a whole cluster or site, and this node would get the traffic of all nodes',
  );
}

/**
 * Checks that a prefix can contain pods.
 *
 * @throws {RecordError} the prefix cannot contain pods
 */
export function checkClusterPrefix(cidr: Cidr, { node, field }: RecordField): void {
  const text = formatCidr(networkOf(cidr));
  if (cidr.prefixLength === 0) {
    throw new RecordError(node, field, `${text} contains every address`);
  }
  const range = specialRange(cidr);
  if (range) throw new RecordError(node, field, `${text} contains addresses that are ${range.is}`);
}

/**
 * Reads up to `MAX_PREFIXES` prefixes. Duplicates are removed.
 *
 * @throws {RecordError} a prefix is bad, or there are too many
 */
export function readPodPrefixes(value: unknown, at: RecordField): Cidr[] {
  const { node, field } = at;
  const found = new Map<string, Cidr>();
  for (const [i, item] of readArray(value, at, { min: 0, max: MAX_PREFIXES }).entries()) {
    const prefix = readPodPrefix(item, { node, field: `${field}[${i}]` });
    found.set(formatCidr(prefix), prefix);
  }
  return [...found.values()];
}

/**
 * Returns the IPv4 address of an IPv4-mapped IPv6 address, else the same address. The result is a
 * view of the same bytes.
 */
export function unmapped(address: Uint8Array): Uint8Array {
  return isMapped(address) ? address.subarray(12) : address;
}

/**
 * Describes a value for messages. Strings are quoted, shortened, and shown without control
 * characters.
 */
export function shown(value: unknown): string {
  return typeof value === 'string' ? quote(value) : kindOf(value);
}

/**
 * Returns true if a text is an IPv6 address.
 *
 * @param address the text of a valid address
 */
export function isIpv6(address: string): boolean {
  return address.includes(':');
}

function readKeyEntry(value: unknown, at: RecordField): NodeKey {
  const { node, field } = at;
  const { publicKey, generation, createdAt } = readObject(value, at);
  return {
    publicKey: readNodeKey(publicKey, { node, field: `${field}.publicKey` }),
    generation: readInteger(
      generation,
      { node, field: `${field}.generation` },
      { min: 0, max: MOST_GENERATION },
    ),
    createdAt: readTime(createdAt, { node, field: `${field}.createdAt` }),
  };
}

function readTime(value: unknown, { node, field }: RecordField): number {
  const time = typeof value === 'string' && ISO_TIME.test(value) ? Date.parse(value) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  const example = '2026-01-31T12:00:00.000Z';
  throw new RecordError(node, field, `expected a time like ${example}, got ${shown(value)}`);
}

function specialRange(cidr: Cidr): { is: string } | undefined {
  return SPECIAL_RANGES.find(({ range }) => overlaps(range, cidr));
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string' ? 'a string' : `a ${typeof value}`;
}

/**
 * The ranges of addresses that no pod and no node can have, because other machines cannot reach
 * them (RFC 6890).
 */
const SPECIAL_RANGES = (
  [
    ['0.0.0.0/8', 'unspecified'],
    ['127.0.0.0/8', 'loopback'],
    ['169.254.0.0/16', 'link-local'],
    ['224.0.0.0/4', 'multicast'],
    ['240.0.0.0/4', 'reserved'],
    ['::/128', 'unspecified'],
    ['::1/128', 'loopback'],
    ['::ffff:0:0/96', 'IPv4 addresses written as IPv6'],
    ['fe80::/10', 'link-local'],
    ['ff00::/8', 'multicast'],
  ] as const
).map(([text, is]) => ({ range: tryParseCidr(text)!, is }));

/**
 * The shortest IPv4 prefix of one node: 65,536 addresses, many times what a kubelet uses. A whole
 * cluster has 10.0.0.0/8, for example.
 */
const SHORTEST_IPV4_PREFIX = 16;
/**
 * The shortest IPv6 prefix of one node. A site has a /48 (RFC 6177), and a node has a /64 of it.
 */
const SHORTEST_IPV6_PREFIX = 48;
const MAX_PREFIXES = 256;
/** The longest name of a node in Kubernetes (RFC 1123). */
const MAX_NAME = 253;
const NODE_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;
const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;
