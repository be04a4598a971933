/**
 * Reads and writes a record as Cilium stores it in etcd, under
 * `cilium/state/nodes/v1/CLUSTER/NODE`: a Go struct in JSON, with Go's field names.
 *
 * Source, read in Cilium: `pkg/node/types/node.go` (Node, Marshal, GetKeyNodeName),
 * `pkg/node/types/prefix.go` (a prefix is an object with a mask in base64; since Cilium 1.22 it is
 * a text) and `Documentation/kvstore.rst`. Go's JSON reader ignores the case of field names, and so
 * do these functions.
 *
 * @module
 */
import { formatAddress, formatCidr, type Cidr } from '@litz/core';
import { tryParseAddress, tryParseCidr } from '@litz/core/internals';
import { networkOf } from './cidr-relations.ts';
import {
  announcedKey,
  chooseAddresses,
  ENCRYPTS,
  EXTENSION,
  isRevoked,
  readExtension,
  revoked,
  revokeExtension,
  writeExtension,
} from './cilium-annotations.ts';
import { objectOrEmpty, tryRead } from './native-record.ts';
import { RecordError, type NodeRecord, type ReadRecord } from './node-record.ts';
import {
  isNodeName,
  readArray,
  readNodeKey,
  readObject,
  readPodPrefix,
  shown,
  unmapped,
  type RecordField,
  type JsonObject,
} from './record-fields.ts';

/** The name of the cluster. It is also a part of the etcd key. */
export interface CiliumCluster {
  readonly cluster: string;
}

/** Reads a JSON value as the record of the node `name`, which is the last part of the etcd key. */
export function readCiliumKvstoreNode(
  name: string,
  value: unknown,
  { cluster }: CiliumCluster,
): ReadRecord {
  return tryRead(() => {
    if (value instanceof RecordError) throw value;
    const fieldAt = (field: string): RecordField => ({ node: name, field });
    const fields = readObject(value, fieldAt('text'));
    if (!isNodeName(name)) throw new RecordError(name, 'Name', 'is not a valid node name');
    const annotations = objectOrEmpty(fieldOf(fields, 'Annotations'));
    if (isRevoked(annotations)) return revoked(name);
    expectText(fieldOf(fields, 'Name'), name, fieldAt('Name'));
    expectText(fieldOf(fields, 'Cluster'), cluster, fieldAt('Cluster'));
    const key = readNodeKey(fieldOf(fields, 'WireguardPubKey'), fieldAt('WireguardPubKey'));
    const extension = readExtension(annotations, key, fieldAt(`Annotations["${EXTENSION}"]`));
    return {
      name,
      addresses: chooseAddresses(listedAddresses(fields), fieldAt('IPAddresses')),
      port: extension.port,
      keys: extension.keys,
      prefixes: readAllocations(fields, name),
      encryptsNode: extension.encryptsNode ?? fieldOf(fields, 'EncryptionKey') === ENCRYPTS,
      sendsPlaintext: extension.sendsPlaintext,
      revoked: extension.revoked,
    };
  });
}

/**
 * Returns the JSON value for a record. Fields that Litz does not manage are copied from `previous`.
 */
export function writeCiliumKvstoreNode(
  record: NodeRecord,
  { cluster }: CiliumCluster,
  previous?: unknown,
): JsonObject {
  const before = objectOrEmpty(previous);
  const [ipv4, ...moreIpv4] = record.prefixes.filter(({ address }) => address.length === 4);
  const [ipv6, ...moreIpv6] = record.prefixes.filter(({ address }) => address.length === 16);
  const known: JsonObject = {
    Name: record.name,
    Cluster: cluster,
    IPAddresses: [
      ...record.addresses.map((ip) => ({ Type: 'InternalIP', IP: ip })),
      ...entriesOf(fieldOf(before, 'IPAddresses')).filter(
        (address) => fieldOf(address, 'Type') !== 'InternalIP',
      ),
    ],
    IPv4AllocCIDR: allocation(ipv4),
    IPv4SecondaryAllocCIDRs: moreIpv4.length > 0 ? moreIpv4.map(allocation) : null,
    IPv6AllocCIDR: allocation(ipv6),
    IPv6SecondaryAllocCIDRs: moreIpv6.length > 0 ? moreIpv6.map(allocation) : null,
    EncryptionKey: record.encryptsNode ? ENCRYPTS : 0,
    Annotations: writeExtension(record, objectOrEmpty(fieldOf(before, 'Annotations'))),
    WireguardPubKey: announcedKey(record),
  };
  const names = new Set(Object.keys(known).map(lowerCase));
  const rest = Object.entries({ ...DEFAULTS, ...before });
  const unknown = rest.filter(([field]) => !names.has(lowerCase(field)));
  return { ...known, ...Object.fromEntries(unknown) };
}

/** Returns `previous` with the annotation that revokes the node. */
export function revokeCiliumKvstoreNode(
  name: string,
  { cluster }: CiliumCluster,
  previous: unknown,
): JsonObject {
  const before = objectOrEmpty(previous);
  const others = Object.entries(before).filter(([field]) => lowerCase(field) !== 'annotations');
  return {
    Name: name,
    Cluster: cluster,
    ...Object.fromEntries(others),
    Annotations: revokeExtension(objectOrEmpty(fieldOf(before, 'Annotations'))),
  };
}

/** Returns the field with exactly this name, else a field whose name differs only in case. */
function fieldOf(object: JsonObject, name: string): unknown {
  if (Object.hasOwn(object, name)) return object[name];
  const wanted = lowerCase(name);
  const other = Object.keys(object).find((field) => lowerCase(field) === wanted);
  return other === undefined ? undefined : object[other];
}

function expectText(value: unknown, expected: string, { node, field }: RecordField): void {
  if (value === expected) return;
  const reason = `expected ${shown(expected)}, as in the etcd key, got ${shown(value)}`;
  throw new RecordError(node, field, reason);
}

function listedAddresses(fields: JsonObject): { type: unknown; ip: unknown }[] {
  return entriesOf(fieldOf(fields, 'IPAddresses')).map((address) => ({
    type: fieldOf(address, 'Type'),
    ip: fieldOf(address, 'IP'),
  }));
}

/** Reads the prefixes: for each family the first prefix, then the secondary ones. */
function readAllocations(fields: JsonObject, node: string): Cidr[] {
  return ['IPv4', 'IPv6'].flatMap((family) => {
    const first = `${family}AllocCIDR`;
    const more = `${family}SecondaryAllocCIDRs`;
    const others = fieldOf(fields, more) ?? [];
    return [
      ...readAllocation(fieldOf(fields, first), { node, field: first }),
      ...readArray(others, { node, field: more }, { min: 0, max: Infinity }).flatMap((item, i) =>
        readAllocation(item, { node, field: `${more}[${i}]` }),
      ),
    ];
  });
}

function readAllocation(value: unknown, at: RecordField): Cidr[] {
  if (value === undefined || value === null) return [];
  const cidr = typeof value === 'string' ? tryParseCidr(value) : maskedCidr(value);
  if (!cidr) {
    const { node, field } = at;
    throw new RecordError(
      node,
      field,
      'expected {"IP","Mask"}, or a string such as "10.244.1.0/24"',
    );
  }
  return [readPodPrefix(formatCidr(networkOf(cidr)), at)];
}

/** Reads a prefix in the form of Go's `net.IPNet`. */
function maskedCidr(value: unknown): Cidr | undefined {
  const object = objectOrEmpty(value);
  const ip = fieldOf(object, 'IP');
  const mask = fieldOf(object, 'Mask');
  const parsed = typeof ip === 'string' ? tryParseAddress(ip) : undefined;
  if (!parsed || typeof mask !== 'string') return undefined;
  const address = unmapped(parsed);
  const prefixLength = lengthOfMask(Buffer.from(mask, 'base64'));
  return prefixLength === undefined || prefixLength.of !== address.length
    ? undefined
    : { address, prefixLength: prefixLength.bits };
}

/**
 * Returns the number of leading ones of a mask. Returns undefined unless the mask is ones followed
 * by zeros.
 */
function lengthOfMask(mask: Uint8Array): { bits: number; of: number } | undefined {
  const bits = [...mask].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return /^1*0*$/.test(bits) ? { bits: bits.lastIndexOf('1') + 1, of: mask.length } : undefined;
}

function allocation(cidr: Cidr | undefined): JsonObject | null {
  if (!cidr) return null;
  const mask = new Uint8Array(cidr.address.length);
  for (let bit = 0; bit < cidr.prefixLength; bit++) mask[bit >> 3]! |= 0x80 >> (bit & 7);
  return { IP: formatAddress(networkOf(cidr).address), Mask: Buffer.from(mask).toString('base64') };
}

function entriesOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.map(objectOrEmpty) : [];
}

function lowerCase(text: string): string {
  return text.toLowerCase();
}

/** The values that Go writes for fields that are not set. */
const DEFAULTS = {
  IPv4HealthIP: '',
  IPv6HealthIP: '',
  IPv4IngressIP: '',
  IPv6IngressIP: '',
  ClusterID: 0,
  Source: 'local',
  Labels: null,
  NodeIdentity: 0,
  BootID: '',
};
