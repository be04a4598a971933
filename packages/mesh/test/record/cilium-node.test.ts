/**
 * Tests of records as CiliumNode objects.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseCidr, parsePublicKey } from '@litz/core';
import { describe, expect, test } from 'vitest';
import { readCiliumNode, writeCiliumNode } from '../../src/record/cilium-node.ts';
import { RecordError, type NodeRecord } from '../../src/record/node-record.ts';
import { keyOf, plain, recordOf } from '../records.ts';

interface CiliumNode {
  metadata: { name: string; annotations: Record<string, string> };
  spec: Record<string, unknown>;
}

describe('readCiliumNode', () => {
  test('reads the output of Cilium', () => {
    expect(readCiliumNode('worker-1', fixture())).toEqual({
      name: 'worker-1',
      addresses: ['192.0.2.11', '2001:db8:5::11'],
      port: 51871,
      keys: [{ publicKey: fixtureKey(), generation: 0, createdAt: 0 }],
      prefixes: [parseCidr('10.0.1.0/24'), parseCidr('fd00:5:0:1::/64')],
      encryptsNode: true,
      sendsPlaintext: false,
      revoked: false,
    });
  });

  test('also reads the key from the older annotation', () => {
    const object = fixture();
    const key = object.metadata.annotations['network.cilium.io/wg-pub-key'];
    object.metadata.annotations = { 'io.cilium.network.wg-pub-key': key };
    expect((readCiliumNode('worker-1', object) as NodeRecord).keys[0].publicKey).toEqual(
      fixtureKey(),
    );
  });

  test('clears the host bits of a prefix, as Go does', () => {
    const object = fixture({ ipam: { podCIDRs: ['10.0.1.9/24'] } });
    const read = readCiliumNode('worker-1', object) as NodeRecord;
    expect(read.prefixes.map(String)).toEqual(['10.0.1.0/24']);
  });

  test('reads an encryption key of 0 as a node that opted out', () => {
    const object = fixture({ encryption: { key: 0 } });
    expect(readCiliumNode('worker-1', object)).toMatchObject({ encryptsNode: false });
  });

  test.each<[string, Record<string, unknown>, string]>([
    ['a bad prefix', { ipam: { podCIDRs: ['10.0.1.0/24', 'x'] } }, 'spec.ipam.podCIDRs[1]'],
    ['a prefix of everything', { ipam: { podCIDRs: ['::/0'] } }, 'spec.ipam.podCIDRs[0]'],
    ['prefixes that are not a list', { ipam: { podCIDRs: 'x' } }, 'spec.ipam.podCIDRs'],
    ['no address', { addresses: [{ type: 'Hostname', ip: 'worker-1' }] }, 'spec.addresses'],
    ['no list of addresses', { addresses: null }, 'spec.addresses'],
  ])('refuses %s, and names the field', (_what, spec, field) => {
    expect(readCiliumNode('worker-1', fixture(spec))).toMatchObject({ node: 'worker-1', field });
  });

  test('reports that a node has no key yet', () => {
    const object = fixture();
    object.metadata.annotations = {};
    const read = readCiliumNode('worker-1', object) as RecordError;
    expect(read.field).toBe('metadata.annotations["network.cilium.io/wg-pub-key"]');
    expect(read.message).toContain('no WireGuard key (yet)');
  });

  test.each([[null], ['x'], [{}], [{ metadata: { name: 'other' } }]])('refuses %j', (object) => {
    expect(readCiliumNode('worker-1', object)).toBeInstanceOf(RecordError);
  });
});

describe('writeCiliumNode', () => {
  const rotating = recordOf(1, {
    addresses: ['192.0.2.1', '2001:db8::1'],
    port: 4500,
    keys: [
      { publicKey: keyOf(1), generation: 4, createdAt: 1_760_000_000_000 },
      { publicKey: keyOf(2), generation: 5, createdAt: 1_760_000_001_000 },
    ],
    prefixes: [parseCidr('10.244.1.0/24'), parseCidr('fd00:1::/64')],
  });

  test.each([rotating, recordOf(1, { encryptsNode: true, sendsPlaintext: true })])(
    'writes a record that can be read back unchanged',
    (record) => {
      expect(readCiliumNode('n1', plain(writeCiliumNode(record)))).toEqual(record);
    },
  );

  test('puts the fields of Cilium where Cilium reads them', () => {
    const written = plain(writeCiliumNode(rotating)) as CiliumNode;
    expect(written.metadata.annotations['network.cilium.io/wg-pub-key']).toBe(keyOf(1).toBase64());
    expect(written.spec).toEqual({
      addresses: [
        { type: 'InternalIP', ip: '192.0.2.1' },
        { type: 'InternalIP', ip: '2001:db8::1' },
      ],
      encryption: { key: 0 },
      ipam: { podCIDRs: ['10.244.1.0/24', 'fd00:1::/64'] },
    });
  });

  test('does not change other fields of the object', () => {
    const before = fixture();
    const record = { ...(readCiliumNode('worker-1', before) as NodeRecord), port: 51872 };
    const written = plain(writeCiliumNode(record, before)) as CiliumNode;
    const { ['litz.dev/node']: _extension, ...annotations } = written.metadata.annotations;
    expect({ ...written, metadata: { ...written.metadata, annotations } }).toEqual(before);
  });

  test('writes an annotation that a reader ignores if the annotation of Cilium has another key', () => {
    const written = plain(writeCiliumNode(rotating)) as CiliumNode;
    written.metadata.annotations['network.cilium.io/wg-pub-key'] = keyOf(9).toBase64();
    expect(readCiliumNode('n1', written)).toMatchObject({
      port: 51871,
      keys: [{ publicKey: keyOf(9), generation: 0 }],
    });
  });

  test('revokes a node even if its other fields are bad', () => {
    const written = plain(writeCiliumNode({ ...rotating, revoked: true })) as CiliumNode;
    written.spec = {};
    expect(readCiliumNode('n1', written)).toMatchObject({ name: 'n1', revoked: true });
  });
});

function fixture(spec: Record<string, unknown> = {}): CiliumNode {
  const path = join(import.meta.dirname, 'fixtures/cilium-node.json');
  const object = JSON.parse(readFileSync(path, 'utf8')) as CiliumNode;
  return { ...object, spec: { ...object.spec, ...spec } };
}

function fixtureKey(): ReturnType<typeof parsePublicKey> {
  return parsePublicKey(fixture().metadata.annotations['network.cilium.io/wg-pub-key']);
}
