/**
 * Litz's own form of a record, JSON:
 *
 * ```json
 * {"version":1,"name":"n1","addresses":["192.0.2.1"],"port":51871,
 *  "keys":[{"publicKey":"...","generation":1,"createdAt":"2026-01-31T12:00:00.000Z"}],
 *  "prefixes":["10.244.1.0/24"],"encryptsNode":false,"revoked":false}
 * ```
 *
 * What a later version adds is not known here, and stays when the record is written again.
 *
 * @module
 */
import { formatCidr } from '@litz/core';
import { RecordError, type NodeKey, type NodeRecord, type ReadRecord } from './node-record.ts';
import {
  isNodeName,
  readBoolean,
  readInteger,
  readNodeAddresses,
  readNodeKeys,
  readObject,
  readPodPrefixes,
  readPort,
  shown,
  type FieldPlace,
  type JsonObject,
} from './record-fields.ts';

/** A JSON value as the record of the node that the registry knows as `name`. */
export function readNativeRecord(name: string, value: unknown): ReadRecord {
  return tryRead(() => readFields(name, value));
}

/** The value in JSON. `previous` is what stands there: its unknown fields stay. */
export function writeNativeRecord(record: NodeRecord, previous?: unknown): JsonObject {
  const before = objectOrEmpty(previous);
  const known = {
    version: VERSION,
    name: record.name,
    addresses: record.addresses,
    port: record.port,
    keys: writeKeys(record.keys, before['keys']),
    prefixes: record.prefixes.map(formatCidr),
    encryptsNode: record.encryptsNode,
    revoked: record.revoked,
  };
  return { ...known, ...without(before, known) };
}

/** What stands there, with `revoked` set. */
export function revokeNativeRecord(name: string, previous: unknown): JsonObject {
  return { version: VERSION, name, ...objectOrEmpty(previous), revoked: true };
}

/** The keys in JSON. Unknown fields of a key that stands in `previous` stay. */
export function writeKeys(keys: readonly NodeKey[], previous?: unknown): JsonObject[] {
  const entries = Array.isArray(previous) ? previous.map(objectOrEmpty) : [];
  return keys.map(({ publicKey, generation, createdAt }) => {
    const text = publicKey.toBase64();
    const known = {
      publicKey: text,
      generation,
      createdAt: new Date(createdAt).toISOString(),
    };
    return {
      ...known,
      ...without(
        entries.find((entry) => entry['publicKey'] === text),
        known,
      ),
    };
  });
}

/** What `read` returns, or the `RecordError` that it throws. */
export function tryRead(read: () => NodeRecord): ReadRecord {
  try {
    return read();
  } catch (error) {
    if (error instanceof RecordError) return error;
    throw error;
  }
}

/** A JSON text as a value; a `RecordError` of the field `text` where it is none. */
export function parseRecordText(name: string, text: string): unknown {
  if (text.length > MAX_TEXT) {
    const reason = `has ${text.length} characters, ${MAX_TEXT} at most`;
    return new RecordError(name, 'text', reason);
  }
  if (isDeep(text)) {
    return new RecordError(name, 'text', `is nested more than ${MOST_DEEP} times`);
  }
  try {
    return JSON.parse(text);
  } catch {
    const reason = text.trim() === '' ? 'is empty' : 'is no JSON';
    return new RecordError(name, 'text', reason);
  }
}

/** What is nested ten thousand times can be read, but not be compared or written again. */
function isDeep(text: string): boolean {
  let depth = 0;
  for (const [bracket] of text.matchAll(/[[\]{}]/g)) {
    depth += bracket === '[' || bracket === '{' ? 1 : -1;
    if (depth > MOST_DEEP) return true;
  }
  return false;
}

export function objectOrEmpty(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : {};
}

/** The fields of `object` that `known` doesn't have. */
export function without(object: JsonObject | undefined, known: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(object ?? {}).filter(([field]) => !Object.hasOwn(known, field)),
  );
}

function readFields(name: string, value: unknown): NodeRecord {
  if (value instanceof RecordError) throw value;
  const place = (field: string): FieldPlace => ({ node: name, field });
  const fields = readObject(value, place('text'));
  if (!isNodeName(name)) throw new RecordError(name, 'name', 'is no name of a node');
  if (fields['revoked'] === true) return revokedRecord(name, fields);
  readVersion(fields['version'], place('version'));
  if (fields['name'] !== name) {
    const reason = `expected ${shown(name)}, as the registry has it, got ${shown(fields['name'])}`;
    throw new RecordError(name, 'name', reason);
  }
  return {
    name,
    addresses: readNodeAddresses(fields['addresses'], place('addresses')),
    port: readPort(fields['port'], place('port')),
    keys: readNodeKeys(fields['keys'], place('keys')),
    prefixes: readPodPrefixes(fields['prefixes'], place('prefixes')),
    encryptsNode: readBoolean(fields['encryptsNode'], place('encryptsNode')),
    revoked: readBoolean(fields['revoked'], place('revoked')),
  };
}

/**
 * Whoever throws a node out must be sure of it: a bad field elsewhere doesn't keep the node in. What
 * can't be read is left empty.
 */
function revokedRecord(name: string, fields: JsonObject): NodeRecord {
  const orElse = <T>(read: (place: FieldPlace) => T, field: string, otherwise: T): T => {
    try {
      return read({ node: name, field });
    } catch {
      return otherwise;
    }
  };
  return {
    name,
    addresses: orElse((at) => readNodeAddresses(fields['addresses'], at), 'addresses', []),
    port: orElse((at) => readPort(fields['port'], at), 'port', 0),
    keys: orElse((at) => readNodeKeys(fields['keys'], at), 'keys', []),
    prefixes: orElse((at) => readPodPrefixes(fields['prefixes'], at), 'prefixes', []),
    encryptsNode: fields['encryptsNode'] === true,
    revoked: true,
  };
}

function readVersion(value: unknown, place: FieldPlace): void {
  const version = readInteger(value, place, { min: 1, max: Number.MAX_SAFE_INTEGER });
  if (version === VERSION) return;
  const reason = `is ${version}, of a later program; this one reads version ${VERSION}`;
  throw new RecordError(place.node, place.field, reason);
}

const VERSION = 1;
/** A record has four; brackets in texts count too. */
const MOST_DEEP = 100;
/** A record has hundreds of characters; 256 prefixes have 12 thousand. */
const MAX_TEXT = 65_536;
