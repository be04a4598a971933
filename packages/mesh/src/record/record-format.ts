/**
 * `RecordFormat`: how a registry that keeps texts writes a record, Litz's own way or Cilium's.
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
  /** @param previous the value that stands there; its unknown fields stay */
  write(record: NodeRecord, previous: unknown): unknown;
  /** What stands there with the word that the node is thrown out. */
  revoke(name: string, previous: unknown): unknown;
}

export const NATIVE_FORMAT: RecordFormat = {
  read: readNativeRecord,
  write: writeNativeRecord,
  revoke: revokeNativeRecord,
};

/** Of the nodes of one cluster in Cilium's key-value store. */
export function ciliumFormat(cluster: CiliumCluster): RecordFormat {
  return {
    read: (name, value) => readCiliumKvstoreNode(name, value, cluster),
    write: (record, previous) => writeCiliumKvstoreNode(record, cluster, previous),
    revoke: (name, previous) => revokeCiliumKvstoreNode(name, cluster, previous),
  };
}

/** The record in a text. */
export function readRecordText(format: RecordFormat, name: string, text: string): ReadRecord {
  return format.read(name, parseRecordText(name, text));
}

/**
 * The text to write; undefined where `previous` says the same already, in whichever order.
 *
 * @param previous the text that stands there, undefined for none
 * @throws {RecordError} nobody could read it: too many prefixes, for instance
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

/** As `writeRecordText`: the text that throws the node out. */
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
  // Both sides as JSON has them: a class of ours is the text that it becomes.
  const text = JSON.stringify(value);
  return isDeepStrictEqual(JSON.parse(text), valueOf(name, previous)) ? undefined : text;
}

/** Undefined where there is no text, or none in JSON. */
function valueOf(name: string, text: string | undefined): unknown {
  const value = text === undefined ? undefined : parseRecordText(name, text);
  return value instanceof RecordError ? undefined : value;
}
