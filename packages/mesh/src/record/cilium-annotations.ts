/**
 * What Cilium's two formats of a node have in common: the annotation that carries what Cilium has no
 * field for, the choice of the node's address, and the marker of encryption.
 *
 * Read in Cilium: `pkg/node/types/node.go` (GetNodeIP), `pkg/annotation/k8s.go`,
 * `pkg/wireguard/types/types.go` (the port and the key index).
 *
 * @module
 */
import type { PublicKey } from '@litz/core';
import { objectOrEmpty, without, writeKeys } from './native-record.ts';
import { RecordError, type NodeKey, type NodeRecord } from './node-record.ts';
import {
  isIpv6,
  readBoolean,
  readNodeAddress,
  readNodeKeys,
  readObject,
  readPort,
  type FieldPlace,
  type JsonObject,
} from './record-fields.ts';

/** What Cilium's formats have no field for. */
export interface CiliumExtension {
  readonly port: number;
  readonly keys: readonly NodeKey[];
  readonly encryptsNode: boolean | undefined;
  readonly revoked: boolean;
}

/** An address of a node with the kind that Cilium gives it. */
export interface CiliumAddress {
  readonly type: unknown;
  readonly ip: unknown;
}

/**
 * The extension in the annotations, if it belongs to `publicKey`. An annotation that is left of an
 * earlier key says nothing: then there is one key, of generation 0, at Cilium's port.
 *
 * @throws {RecordError} the annotation can't be read
 */
export function readExtension(
  annotations: JsonObject,
  publicKey: PublicKey,
  place: FieldPlace,
): CiliumExtension {
  const text = annotations[EXTENSION];
  const alone: CiliumExtension = {
    port: CILIUM_PORT,
    keys: [{ publicKey, generation: 0, createdAt: 0 }],
    encryptsNode: undefined,
    revoked: false,
  };
  if (text === undefined) return alone;
  const { node, field } = place;
  const inner = (name: string): FieldPlace => ({ node, field: `${field}.${name}` });
  const fields = readObject(parsed(text, place), place);
  const keys = readNodeKeys(fields['keys'], inner('keys'));
  const announced = publicKey.toBase64();
  if (!keys.some((key) => key.publicKey.toBase64() === announced)) return alone;
  return {
    port: readPort(fields['port'], inner('port')),
    keys,
    encryptsNode:
      fields['encryptsNode'] === undefined
        ? undefined
        : readBoolean(fields['encryptsNode'], inner('encryptsNode')),
    revoked: readBoolean(fields['revoked'], inner('revoked')),
  };
}

/** The annotations with the extension of this record in them; other annotations stay. */
export function writeExtension(record: NodeRecord, previous: JsonObject): JsonObject {
  const before = objectOrEmpty(tryParsed(previous[EXTENSION]));
  const known = {
    port: record.port,
    keys: writeKeys(record.keys, before['keys']),
    encryptsNode: record.encryptsNode,
    revoked: record.revoked,
  };
  return { ...previous, [EXTENSION]: JSON.stringify({ ...known, ...without(before, known) }) };
}

/** The annotations with the word that the node is thrown out. */
export function revokeExtension(previous: JsonObject): JsonObject {
  const before = objectOrEmpty(tryParsed(previous[EXTENSION]));
  return { ...previous, [EXTENSION]: JSON.stringify({ ...before, revoked: true }) };
}

/** Whether the annotation throws the node out, however bad the rest of it is. */
export function isRevoked(annotations: JsonObject): boolean {
  return objectOrEmpty(tryParsed(annotations[EXTENSION]))['revoked'] === true;
}

/** A revoked node needs no more than its name. */
export function revoked(name: string): NodeRecord {
  return {
    name,
    addresses: [],
    port: 0,
    keys: [],
    prefixes: [],
    encryptsNode: false,
    revoked: true,
  };
}

/**
 * One address of each family: an internal one before an external one before any other, and never
 * Cilium's own. What is no address is passed over, a host name for instance.
 *
 * @throws {RecordError} there is none
 */
export function chooseAddresses(
  addresses: readonly CiliumAddress[],
  { node, field }: FieldPlace,
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
  throw new RecordError(node, field, 'has no address that the node is reached at');
}

/** The key that Cilium's readers use: during a rotation the older one, which all of them know. */
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

function parsed(text: unknown, { node, field }: FieldPlace): unknown {
  const value = tryParsed(text);
  if (value === undefined) throw new RecordError(node, field, 'is no JSON');
  return value;
}

function tryParsed(text: unknown): unknown {
  try {
    return JSON.parse(text as string);
  } catch {
    return undefined;
  }
}

/** Of Litz, in the annotations of a CiliumNode and of a node in Cilium's key-value store. */
export const EXTENSION = 'litz.dev/node';
/** The key in base64, by its name since 1.14 and by the one before. */
export const PUBLIC_KEY_ANNOTATIONS = [
  'network.cilium.io/wg-pub-key',
  'io.cilium.network.wg-pub-key',
] as const;
/** UDP port of every node. */
const CILIUM_PORT = 51871;
/** A marker and no number of a key: this node encrypts. 0: it has opted out for its own addresses. */
export const ENCRYPTS = 255;
