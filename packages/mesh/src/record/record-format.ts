/**
 * `RecordFormat`: how a registry that keeps texts writes a record, Litz's own way or Cilium's.
 *
 * @module
 */
import { isDeepStrictEqual } from 'node:util';
import {
  readCiliumKvstoreNode,
  writeCiliumKvstoreNode,
  type CiliumCluster,
} from './cilium-kvstore-node.ts';
import { parseRecordText, readNativeRecord, writeNativeRecord } from './native-record.ts';
import { RecordError, type NodeRecord, type ReadRecord } from './node-record.ts';

export interface RecordFormat {
  read(name: string, value: unknown): ReadRecord;
  /** @param previous the value that stands there; its unknown fields stay */
  write(record: NodeRecord, previous: unknown): unknown;
}

export const NATIVE_FORMAT: RecordFormat = { read: readNativeRecord, write: writeNativeRecord };

/** Of the nodes of one cluster in Cilium's key-value store. */
export function ciliumFormat(cluster: CiliumCluster): RecordFormat {
  return {
    read: (name, value) => readCiliumKvstoreNode(name, value, cluster),
    write: (record, previous) => writeCiliumKvstoreNode(record, cluster, previous),
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
 */
export function writeRecordText(
  format: RecordFormat,
  record: NodeRecord,
  previous: string | undefined,
): string | undefined {
  const parsed = previous === undefined ? undefined : parseRecordText(record.name, previous);
  const before = parsed instanceof RecordError ? undefined : parsed;
  const value = format.write(record, before);
  // Both sides as JSON has them: a class of ours is the text that it becomes.
  const text = JSON.stringify(value);
  return before !== undefined && isDeepStrictEqual(JSON.parse(text), before) ? undefined : text;
}
