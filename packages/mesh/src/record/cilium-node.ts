/**
 * Reads and writes a record as the custom resource `CiliumNode` (`cilium.io/v2`): the key is in an
 * annotation, the prefixes and addresses are in the spec.
 *
 * Source, read in Cilium: `pkg/node/types/node.go` (ParseCiliumNode, ToCiliumNode) and
 * `pkg/k8s/apis/cilium.io/v2/types.go`. Cilium skips a prefix that it cannot read. Litz refuses the
 * record instead, because traffic to a skipped prefix would be sent in plaintext.
 *
 * @module
 */
import { formatCidr, parseCidr } from '@litz/core';
import { tryParseCidr } from '@litz/core/internals';
import { networkOf } from './cidr-relations.ts';
import {
  announcedKey,
  chooseAddresses,
  ENCRYPTS,
  EXTENSION,
  isRevoked,
  PUBLIC_KEY_ANNOTATIONS,
  readExtension,
  revoked,
  writeExtension,
} from './cilium-annotations.ts';
import { objectOrEmpty, tryRead } from './native-record.ts';
import { RecordError, type NodeRecord, type ReadRecord } from './node-record.ts';
import {
  isNodeName,
  readArray,
  readNodeKey,
  readObject,
  readPodPrefixes,
  type RecordField,
  type JsonObject,
} from './record-fields.ts';

/** Reads an object as the record of a node. The object must have the name of the node. */
export function readCiliumNode(name: string, object: unknown): ReadRecord {
  return tryRead(() => {
    const fieldAt = (field: string): RecordField => ({ node: name, field });
    const { metadata, spec } = readObject(object, fieldAt('object'));
    const { name: ownName, annotations } = objectOrEmpty(metadata);
    if (!isNodeName(name) || ownName !== name) {
      throw new RecordError(
        name,
        'metadata.name',
        'is not a valid node name, or is the name of another node',
      );
    }
    const notes = objectOrEmpty(annotations);
    const fields = objectOrEmpty(spec);
    if (isRevoked(notes)) return revoked(name);
    const publicKey = readAnnotatedKey(name, notes);
    const at = fieldAt(`metadata.annotations["${EXTENSION}"]`);
    const extension = readExtension(notes, publicKey, at);
    const marker = objectOrEmpty(fields['encryption'])['key'];
    return {
      name,
      addresses: chooseAddresses(specAddresses(fields['addresses']), fieldAt('spec.addresses')),
      port: extension.port,
      keys: extension.keys,
      prefixes: readPodCidrs(
        objectOrEmpty(fields['ipam'])['podCIDRs'],
        fieldAt('spec.ipam.podCIDRs'),
      ),
      encryptsNode: extension.encryptsNode ?? marker === ENCRYPTS,
      sendsPlaintext: extension.sendsPlaintext,
      revoked: extension.revoked,
    };
  });
}

/**
 * Returns the object for a record. Without `previous`, the object has only the fields that Litz
 * manages. A server-side apply sends only these fields. With `previous`, all other fields of
 * `previous` stay.
 */
export function writeCiliumNode(record: NodeRecord, previous?: unknown): JsonObject {
  const before = objectOrEmpty(previous);
  const metadata = objectOrEmpty(before['metadata']);
  const spec = objectOrEmpty(before['spec']);
  const annotations = writeExtension(record, objectOrEmpty(metadata['annotations']));
  return {
    ...before,
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumNode',
    metadata: {
      ...metadata,
      name: record.name,
      annotations: { ...annotations, [PUBLIC_KEY_ANNOTATIONS[0]]: announcedKey(record) },
    },
    spec: {
      ...spec,
      addresses: [
        ...record.addresses.map((ip) => ({ type: 'InternalIP', ip })),
        ...specAddresses(spec['addresses']).filter(({ type }) => type !== 'InternalIP'),
      ],
      encryption: {
        ...objectOrEmpty(spec['encryption']),
        key: record.encryptsNode ? ENCRYPTS : 0,
      },
      ipam: { ...objectOrEmpty(spec['ipam']), podCIDRs: record.prefixes.map(formatCidr) },
    },
  };
}

function readAnnotatedKey(node: string, annotations: JsonObject): ReturnType<typeof readNodeKey> {
  const found = PUBLIC_KEY_ANNOTATIONS.find((annotation) => annotations[annotation]);
  const name = found ?? PUBLIC_KEY_ANNOTATIONS[0];
  const field = `metadata.annotations["${name}"]`;
  if (found) return readNodeKey(annotations[found], { node, field });
  throw new RecordError(node, field, 'is missing: the node has no WireGuard key (yet)');
}

function specAddresses(value: unknown): { type: unknown; ip: unknown }[] {
  return Array.isArray(value)
    ? value
        .map(objectOrEmpty)
        .map((address) => ({ ...address, type: address['type'], ip: address['ip'] }))
    : [];
}

/** Reads the pod prefixes as Go does: bits after the prefix length are set to 0. */
function readPodCidrs(value: unknown, at: RecordField): NodeRecord['prefixes'] {
  if (value === undefined || value === null) return [];
  const texts = readArray(value, at, { min: 0, max: Infinity });
  return readPodPrefixes(texts.map(masked), at);
}

function masked(text: unknown): unknown {
  const isPrefix = typeof text === 'string' && text.includes('/') && tryParseCidr(text);
  return isPrefix ? formatCidr(networkOf(parseCidr(text))) : text;
}
