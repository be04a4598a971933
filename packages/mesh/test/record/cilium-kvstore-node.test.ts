/**
 * Tests of records in the form that Cilium uses in etcd.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseCidr, parsePublicKey } from '@litz/core';
import { describe, expect, test } from 'vitest';
import {
  readCiliumKvstoreNode,
  writeCiliumKvstoreNode,
} from '../../src/record/cilium-kvstore-node.ts';
import type { NodeRecord } from '../../src/record/node-record.ts';
import { keyOf, plain, recordOf } from '../records.ts';

const blue = { cluster: 'blue' };

describe('readCiliumKvstoreNode', () => {
  test('reads the output of Cilium with all fields', () => {
    const value = fixture('full');
    expect(readCiliumKvstoreNode('worker-1', value, blue)).toEqual({
      name: 'worker-1',
      addresses: ['192.0.2.11', '2001:db8:5::11'],
      port: 51871,
      keys: [
        {
          publicKey: parsePublicKey(String(value['WireguardPubKey'])),
          generation: 0,
          createdAt: 0,
        },
      ],
      prefixes: ['10.0.1.0/24', '10.7.0.128/25', 'fd00:5:0:1::/64'].map(parseCidr),
      encryptsNode: true,
      sendsPlaintext: false,
      revoked: false,
    });
  });

  test('reads the output of Cilium, with empty fields, for a node that opted out of node encryption', () => {
    expect(readCiliumKvstoreNode('worker-2', fixture('small'), blue)).toMatchObject({
      addresses: ['192.0.2.12'],
      prefixes: [parseCidr('10.0.2.0/24')],
      encryptsNode: false,
      sendsPlaintext: false,
    });
  });

  test('reads prefixes as texts, as later versions write them', () => {
    const value = {
      ...fixture('full'),
      IPv4AllocCIDR: '10.0.1.7/24',
      IPv6AllocCIDR: 'fd00:5::/64',
    };
    const read = readCiliumKvstoreNode('worker-1', value, blue) as NodeRecord;
    expect(read.prefixes.map(String)).toEqual(['10.0.1.0/24', '10.7.0.128/25', 'fd00:5::/64']);
  });

  test('accepts field names in any letter case', () => {
    const read = readCiliumKvstoreNode('worker-1', lowerCased(fixture('full')), blue);
    expect(read).toEqual(readCiliumKvstoreNode('worker-1', fixture('full'), blue));
  });

  test.each<[string, Record<string, unknown>, string]>([
    ['another name', { Name: 'worker-2' }, 'Name'],
    ['another cluster', { Cluster: 'red' }, 'Cluster'],
    ['no key', { WireguardPubKey: '' }, 'WireguardPubKey'],
    ['no address', { IPAddresses: null }, 'IPAddresses'],
    [
      'a mask with a hole',
      { IPv4AllocCIDR: { IP: '10.0.1.0', Mask: '/wD/AA==' } },
      'IPv4AllocCIDR',
    ],
    [
      'a mask that is too long',
      { IPv4AllocCIDR: { IP: '10.0.1.0', Mask: '//////8=' } },
      'IPv4AllocCIDR',
    ],
    ['no mask', { IPv4AllocCIDR: { IP: '10.0.1.0' } }, 'IPv4AllocCIDR'],
    [
      'a prefix of everything',
      { IPv4AllocCIDR: { IP: '0.0.0.0', Mask: 'AAAAAA==' } },
      'IPv4AllocCIDR',
    ],
    ['a bad secondary prefix', { IPv4SecondaryAllocCIDRs: ['x'] }, 'IPv4SecondaryAllocCIDRs[0]'],
    ['a text instead of a list', { IPv6SecondaryAllocCIDRs: 'x' }, 'IPv6SecondaryAllocCIDRs'],
  ])('refuses %s, and names the field', (_what, change, field) => {
    const read = readCiliumKvstoreNode('worker-1', { ...fixture('full'), ...change }, blue);
    expect(read).toMatchObject({ node: 'worker-1', field });
  });

  test.each([[null], ['x'], [[]]])('refuses %j', (value) => {
    expect(readCiliumKvstoreNode('worker-1', value, blue)).toMatchObject({ field: 'text' });
  });

  test('converts IPv4-mapped addresses and prefixes to IPv4', () => {
    const value = {
      ...fixture('small'),
      IPAddresses: [{ Type: 'InternalIP', IP: '::ffff:192.0.2.12' }],
      IPv4AllocCIDR: { IP: '::ffff:10.0.2.0', Mask: '////AA==' },
    };
    expect(readCiliumKvstoreNode('worker-2', value, blue)).toMatchObject({
      addresses: ['192.0.2.12'],
      prefixes: [parseCidr('10.0.2.0/24')],
    });
  });
});

describe('writeCiliumKvstoreNode', () => {
  test.each(['full', 'small'])('writes the fields that Cilium writes, in its form: %s', (which) => {
    const value = fixture(which);
    const record = readCiliumKvstoreNode(String(value['Name']), value, blue) as NodeRecord;
    const written = plain(writeCiliumKvstoreNode(record, blue, value)) as typeof value;
    expect(Object.keys(written).toSorted()).toEqual(Object.keys(value).toSorted());
    const ours = ['IPAddresses', 'Annotations'];
    const others = (fields: typeof value): object =>
      Object.fromEntries(Object.entries(fields).filter(([name]) => !ours.includes(name)));
    expect(others(written)).toEqual(others(value));
  });

  test('writes a record that can be read back unchanged', () => {
    const record = recordOf(1, {
      port: 4500,
      keys: [recordOf(1).keys[0], { ...recordOf(2).keys[0], generation: 2 }],
      prefixes: ['10.1.0.0/24', '10.2.0.0/25', 'fd00:1::/64', 'fd00:2::/64'].map(parseCidr),
      encryptsNode: true,
      sendsPlaintext: true,
    });
    const written = plain(writeCiliumKvstoreNode(record, blue));
    expect(readCiliumKvstoreNode('n1', written, blue)).toEqual(record);
  });

  test('keeps foreign fields, but no other spelling of its own fields', () => {
    const previous = { name: 'n1', wireguardpubkey: 'old', Labels: { zone: 'b' }, Later: 1 };
    const written = writeCiliumKvstoreNode(recordOf(1), blue, previous);
    expect(written).toMatchObject({ Labels: { zone: 'b' }, Later: 1, Name: 'n1' });
    expect(written['WireguardPubKey']).toBe(keyOf(1).toBase64());
    expect(Object.keys(written)).not.toContain('wireguardpubkey');
    expect(Object.keys(written)).not.toContain('name');
  });

  test('revokes a node', () => {
    const written = plain(writeCiliumKvstoreNode(recordOf(1, { revoked: true }), blue));
    expect(readCiliumKvstoreNode('n1', written, blue)).toMatchObject({ name: 'n1', revoked: true });
  });
});

function fixture(which: string): Record<string, unknown> {
  const path = join(import.meta.dirname, `fixtures/cilium-kvstore-${which}.json`);
  return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
}

function lowerCased(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(lowerCased);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([field, inner]) => [field.toLowerCase(), lowerCased(inner)]),
  );
}
