/**
 * `RecordFormat`: how a registry that stores text reads and writes records, in Litz's own format or
 * in Cilium's.
 *
 * @module
 */
import { isDeepStrictEqual } from 'node:util';
import {
  readCiliumKvstoreNode,
  revokeCiliumKvstoreNode,
  writeCiliumKvstoreNode,
  type CiliumCluster,
} from './cilium-kvstore-node.ts';
import {
  parseRecordText,
  readNativeRecord,
  revokeNativeRecord,
  writeNativeRecord,
} from './native-record.ts';
import { RecordError, type NodeRecord, type ReadRecord } from './node-record.ts';

export interface RecordFormat {
  read(name: string, value: unknown): ReadRecord;
  /** @param previous the current value; its unknown fields stay */
  write(record: NodeRecord, previous: unknown): unknown;
  /** Returns `previous` with the mark that revokes the node. */
  revoke(name: string, previous: unknown): unknown;
}

/** Litz's own format. */
export const NATIVE_FORMAT: RecordFormat = {
  read: readNativeRecord,
  write: writeNativeRecord,
  revoke: revokeNativeRecord,
};

/** Returns the format of the nodes of one cluster in Cilium's key-value store. */
export function ciliumFormat(cluster: CiliumCluster): RecordFormat {
  return {
    read: (name, value) => readCiliumKvstoreNode(name, value, cluster),
    write: (record, previous) => writeCiliumKvstoreNode(record, cluster, previous),
    revoke: (name, previous) => revokeCiliumKvstoreNode(name, cluster, previous),
  };
}

/** Reads the record in a text. */
export function readRecordText(format: RecordFormat, name: string, text: string): ReadRecord {
  return format.read(name, parseRecordText(name, text));
}

/**
 * Returns the text to write. Returns undefined if `previous` has the same content, in any order of
 * fields.
 *
 * @param previous the current text; undefined if there is none
 * @throws {RecordError} no node could read the text, for example because the record has too many
 *   prefixes
 */
export function writeRecordText(
  format: RecordFormat,
  record: NodeRecord,
  previous: string | undefined,
): string | undefined {
  const { name } = record;
  const text = changedText(format.write(record, valueOf(name, previous)), name, previous);
  const read = text === undefined ? undefined : readRecordText(format, name, text);
  if (read instanceof RecordError) throw read;
  return text;
}

/**
 * Returns the text that revokes the node. Returns undefined if `previous` has the same content, as
 * in `writeRecordText`.
 */
export function revokeRecordText(
  format: RecordFormat,
  name: string,
  previous: string | undefined,
): string | undefined {
  return changedText(format.revoke(name, valueOf(name, previous)), name, previous);
}

function changedText(
  value: unknown,
  name: string,
  previous: string | undefined,
): string | undefined {
  // Both values are compared as parsed JSON, because `isDeepStrictEqual` treats an object of a
  // class as different from a plain object.
  const text = JSON.stringify(value);
  return isDeepStrictEqual(JSON.parse(text), valueOf(name, previous)) ? undefined : text;
}

/** Returns the parsed text. Undefined if there is no text, or if it is not JSON. */
function valueOf(name: string, text: string | undefined): unknown {
  const value = text === undefined ? undefined : parseRecordText(name, text);
  return value instanceof RecordError ? undefined : value;
}
