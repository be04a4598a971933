/**
 * The common parts of Cilium's two node formats: the annotation with the fields that Cilium does
 * not have, the choice of the node's address, and the encryption marker.
 *
 * Source, read in Cilium: `pkg/node/types/node.go` (GetNodeIP), `pkg/annotation/k8s.go`,
 * `pkg/wireguard/types/types.go` (the port and the key index).
 *
 * @module
 */
import type { PublicKey } from '@litz/core';
import { objectOrEmpty, fieldsNotIn, writeKeys } from './native-record.ts';
import { RecordError, type NodeKey, type NodeRecord } from './node-record.ts';
import {
  isIpv6,
  readBoolean,
  readNodeAddress,
  readNodeKeys,
  readObject,
  readPort,
  type RecordField,
  type JsonObject,
} from './record-fields.ts';

/** The parts of a record for which Cilium's formats have no field. */
export interface CiliumExtension {
  readonly port: number;
  readonly keys: readonly NodeKey[];
  readonly encryptsNode: boolean | undefined;
  readonly sendsPlaintext: boolean;
  readonly revoked: boolean;
}

/** An address of a node and the type that Cilium gives it. */
export interface CiliumAddress {
  readonly type: unknown;
  readonly ip: unknown;
}

/**
 * Returns the extension in the annotations if it belongs to `publicKey`. An annotation that belongs
 * to an earlier key is ignored. If there is no such extension, returns an extension with
 * `publicKey` as the only key, generation 0 and Cilium's port.
 *
 * @throws {RecordError} the annotation cannot be read
 */
export function readExtension(
  annotations: JsonObject,
  publicKey: PublicKey,
  at: RecordField,
): CiliumExtension {
  const text = annotations[EXTENSION];
  const withoutExtension: CiliumExtension = {
    port: CILIUM_PORT,
    keys: [{ publicKey, generation: 0, createdAt: 0 }],
    encryptsNode: undefined,
    sendsPlaintext: false,
    revoked: false,
  };
  if (text === undefined) return withoutExtension;
  const { node, field } = at;
  const inner = (name: string): RecordField => ({ node, field: `${field}.${name}` });
  const fields = readObject(parsed(text, at), at);
  const keys = readNodeKeys(fields['keys'], inner('keys'));
  const announced = publicKey.toBase64();
  if (!keys.some((key) => key.publicKey.toBase64() === announced)) return withoutExtension;
  return {
    port: readPort(fields['port'], inner('port')),
    keys,
    encryptsNode:
      fields['encryptsNode'] === undefined
        ? undefined
        : readBoolean(fields['encryptsNode'], inner('encryptsNode')),
    sendsPlaintext: readBoolean(fields['sendsPlaintext'], inner('sendsPlaintext')),
    revoked: readBoolean(fields['revoked'], inner('revoked')),
  };
}

/** Returns the annotations with the extension of this record. Other annotations stay. */
export function writeExtension(record: NodeRecord, previous: JsonObject): JsonObject {
  const before = objectOrEmpty(tryParsed(previous[EXTENSION]));
  const known = {
    port: record.port,
    keys: writeKeys(record.keys, before['keys']),
    encryptsNode: record.encryptsNode,
    sendsPlaintext: record.sendsPlaintext,
    revoked: record.revoked,
  };
  return { ...previous, [EXTENSION]: JSON.stringify({ ...known, ...fieldsNotIn(before, known) }) };
}

/** Returns the annotations with `revoked: true` in the extension. */
export function revokeExtension(previous: JsonObject): JsonObject {
  const before = objectOrEmpty(tryParsed(previous[EXTENSION]));
  return { ...previous, [EXTENSION]: JSON.stringify({ ...before, revoked: true }) };
}

/** Returns true if the annotation revokes the node, even if the rest of the annotation is bad. */
export function isRevoked(annotations: JsonObject): boolean {
  return objectOrEmpty(tryParsed(annotations[EXTENSION]))['revoked'] === true;
}

/** Returns the record of a revoked node. Only its name is needed. */
export function revoked(name: string): NodeRecord {
  return {
    name,
    addresses: [],
    port: 0,
    keys: [],
    prefixes: [],
    encryptsNode: false,
    sendsPlaintext: false,
    revoked: true,
  };
}

/**
 * Returns one address per family: an internal address if there is one, else an external address,
 * else an address of another type. Cilium's own internal addresses are never used. Values that are
 * not addresses, such as host names, are skipped.
 *
 * @throws {RecordError} there is no usable address
 */
export function chooseAddresses(
  addresses: readonly CiliumAddress[],
  { node, field }: RecordField,
): string[] {
  const best = new Map<boolean, { address: string; rank: number }>();
  for (const { type, ip } of addresses) {
    if (type === 'CiliumInternalIP') continue;
    const rank = type === 'InternalIP' ? 0 : type === 'ExternalIP' ? 1 : 2;
    const address = addressOrNone(ip, node);
    if (address === undefined) continue;
    const held = best.get(isIpv6(address));
    if (!held || rank < held.rank) best.set(isIpv6(address), { address, rank });
  }
  const found = [best.get(false), best.get(true)].flatMap((held) => held?.address ?? []);
  if (found.length > 0) return found;
  throw new RecordError(node, field, 'has no address at which the node can be reached');
}

/**
 * Returns the key that Cilium's agents use. During a rotation, this is the older key, because all
 * agents know it.
 */
export function announcedKey({ keys }: NodeRecord): string {
  return keys[0]?.publicKey.toBase64() ?? '';
}

function addressOrNone(ip: unknown, node: string): string | undefined {
  try {
    return readNodeAddress(ip, { node, field: '' });
  } catch {
    return undefined;
  }
}

function parsed(text: unknown, { node, field }: RecordField): unknown {
  const value = tryParsed(text);
  if (value === undefined) throw new RecordError(node, field, 'is not JSON');
  return value;
}

function tryParsed(text: unknown): unknown {
  try {
    return JSON.parse(text as string);
  } catch {
    return undefined;
  }
}

/** The name of Litz's annotation on a CiliumNode, and on a node in Cilium's key-value store. */
export const EXTENSION = 'litz.dev/node';
/** The annotations with the key in base64: the name since Cilium 1.14, then the earlier name. */
export const PUBLIC_KEY_ANNOTATIONS = [
  'network.cilium.io/wg-pub-key',
  'io.cilium.network.wg-pub-key',
] as const;
/** The UDP port of every Cilium node. */
const CILIUM_PORT = 51871;
/**
 * This value is a marker, not a key number. It means that the node encrypts traffic to its own
 * addresses. The value 0 means that the node has opted out.
 */
export const ENCRYPTS = 255;
