/**
 * Litz's own record format, in JSON:
 * ```json
 * {"version":1,"name":"n1","addresses":["192.0.2.1"],"port":51871,
 *  "keys":[{"publicKey":"...","generation":1,"createdAt":"2026-01-31T12:00:00.000Z"}],
 *  "prefixes":["10.244.1.0/24"],"encryptsNode":false,"sendsPlaintext":false,
 *  "revoked":false}
 * ```
 *
 * The fields of a later version are unknown to this version. They stay when this version writes the
 * record again.
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
  type RecordField,
  type JsonObject,
} from './record-fields.ts';

/** Reads a JSON value as the record of the node that the registry knows as `name`. */
export function readNativeRecord(name: string, value: unknown): ReadRecord {
  return tryRead(() => readFields(name, value));
}

/** Returns the JSON value for a record, with the unknown fields of the current value `previous`. */
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
    sendsPlaintext: record.sendsPlaintext,
    revoked: record.revoked,
  };
  return { ...known, ...fieldsNotIn(before, known) };
}

/** Returns `previous` with `revoked: true`. */
export function revokeNativeRecord(name: string, previous: unknown): JsonObject {
  return { version: VERSION, name, ...objectOrEmpty(previous), revoked: true };
}

/** Returns the keys as JSON values, with the unknown fields of the same keys in `previous`. */
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
      ...fieldsNotIn(
        entries.find((entry) => entry['publicKey'] === text),
        known,
      ),
    };
  });
}

/** Calls `read`. Returns its result, or the `RecordError` that it throws. */
export function tryRead(read: () => NodeRecord): ReadRecord {
  try {
    return read();
  } catch (error) {
    if (error instanceof RecordError) return error;
    throw error;
  }
}

/**
 * Parses a JSON text. Returns a `RecordError` of the field `text` if the text is too long, nested
 * too deeply, or not JSON.
 */
export function parseRecordText(name: string, text: string): unknown {
  if (text.length > MAX_TEXT) {
    const reason = `has ${text.length} characters, at most ${MAX_TEXT} are allowed`;
    return new RecordError(name, 'text', reason);
  }
  if (isTooDeep(text)) {
    return new RecordError(name, 'text', `is nested more than ${MOST_DEEP} levels deep`);
  }
  try {
    return JSON.parse(text);
  } catch {
    const reason = text.trim() === '' ? 'is empty' : 'is not JSON';
    return new RecordError(name, 'text', reason);
  }
}

/** Returns the value if it is an object and not an array; else a new empty object. */
export function objectOrEmpty(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : {};
}

/** Returns the fields of `object` that `known` does not have. */
export function fieldsNotIn(object: JsonObject | undefined, known: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(object ?? {}).filter(([field]) => !Object.hasOwn(known, field)),
  );
}

/**
 * Returns true if the text has too many nested brackets. A value with ten thousand levels can be
 * parsed, but it cannot be compared or written again.
 */
function isTooDeep(text: string): boolean {
  let depth = 0;
  for (const [bracket] of text.matchAll(/[[\]{}]/g)) {
    depth += bracket === '[' || bracket === '{' ? 1 : -1;
    if (depth > MOST_DEEP) return true;
  }
  return false;
}

function readFields(name: string, value: unknown): NodeRecord {
  if (value instanceof RecordError) throw value;
  const fieldAt = (field: string): RecordField => ({ node: name, field });
  const fields = readObject(value, fieldAt('text'));
  if (!isNodeName(name)) throw new RecordError(name, 'name', 'is not a valid node name');
  if (fields['revoked'] === true) return revokedRecord(name, fields);
  readVersion(fields['version'], fieldAt('version'));
  if (fields['name'] !== name) {
    const reason = `expected ${shown(name)}, the name in the registry, got ${shown(fields['name'])}`;
    throw new RecordError(name, 'name', reason);
  }
  return {
    name,
    addresses: readNodeAddresses(fields['addresses'], fieldAt('addresses')),
    port: readPort(fields['port'], fieldAt('port')),
    keys: readNodeKeys(fields['keys'], fieldAt('keys')),
    prefixes: readPodPrefixes(fields['prefixes'], fieldAt('prefixes')),
    encryptsNode: readBoolean(fields['encryptsNode'], fieldAt('encryptsNode')),
    sendsPlaintext: readBoolean(fields['sendsPlaintext'], fieldAt('sendsPlaintext')),
    revoked: readBoolean(fields['revoked'], fieldAt('revoked')),
  };
}

/**
 * Reads the record of a revoked node. A bad field must not keep the node in the mesh, so fields
 * that cannot be read are left empty.
 */
function revokedRecord(name: string, fields: JsonObject): NodeRecord {
  const orElse = <T>(read: (at: RecordField) => T, field: string, otherwise: T): T => {
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
    sendsPlaintext: fields['sendsPlaintext'] === true,
    revoked: true,
  };
}

function readVersion(value: unknown, at: RecordField): void {
  const version = readInteger(value, at, { min: 1, max: Number.MAX_SAFE_INTEGER });
  if (version === VERSION) return;
  const reason = `is ${version}, but this version of Litz reads only ${VERSION}`;
  throw new RecordError(at.node, at.field, reason);
}

const VERSION = 1;
/**
 * The greatest depth of brackets in a record. Brackets inside strings count too. A record in Litz's
 * format has three levels, and a record in Cilium's format has five.
 */
const MOST_DEEP = 100;
/**
 * The longest text of a record, in characters. A normal record has a few hundred characters, and a
 * record with 256 prefixes has about 12,000.
 */
const MAX_TEXT = 65_536;
