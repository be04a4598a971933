/**
 * `RecordResource`: how a record is stored as a Kubernetes object: as Litz's own `LitzNode`, or as
 * Cilium's `CiliumNode`.
 *
 * @module
 */
import { readCiliumNode, writeCiliumNode } from '../../record/cilium-node.ts';
import { EXTENSION } from '../../record/cilium-annotations.ts';
import { readNativeRecord, writeNativeRecord } from '../../record/native-record.ts';
import type { NodeRecord, ReadRecord } from '../../record/node-record.ts';
import { fieldsOf, type KubeObject, type KubeResource } from './kube-resource.ts';
import { CILIUM_NODES, LITZ_NODES } from './kube-resources.ts';

export interface RecordResource {
  readonly resource: KubeResource;
  read(object: KubeObject): ReadRecord;
  /**
   * Returns the fields of the record for a server-side apply. An apply replaces some lists and
   * texts as a whole, so their unknown parts are copied from `current`.
   */
  write(record: NodeRecord, current: KubeObject | undefined): KubeObject;
}

/**
 * Stores the native format in `spec`. The field `name` is left out, because the object has the same
 * name.
 */
export const litzNodeRecords: RecordResource = {
  resource: LITZ_NODES,
  read({ metadata: { name }, spec }) {
    const fields = fieldsOf(spec);
    return readNativeRecord(name, fields ? { ...fields, name } : spec);
  },
  write(record, current) {
    const { name, ...spec } = writeNativeRecord(record, current?.spec);
    return { metadata: { name: name as string }, spec };
  },
};

/**
 * Stores a record in a `CiliumNode`. Other annotations, and other fields of the spec, belong to
 * their writers.
 */
export const ciliumNodeRecords: RecordResource = {
  resource: CILIUM_NODES,
  read: (object) => readCiliumNode(object.metadata.name, object),
  write(record, current) {
    const extension = current?.metadata.annotations?.[EXTENSION];
    const previous = {
      metadata: { annotations: extension === undefined ? {} : { [EXTENSION]: extension } },
      spec: { addresses: fieldsOf(current?.spec)?.['addresses'] },
    };
    return writeCiliumNode(record, previous) as KubeObject;
  },
};
