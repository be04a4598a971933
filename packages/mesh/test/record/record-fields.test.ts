/**
 * Tests of the fields of a record: which values are refused, and how the error names them.
 *
 * @module
 */
import { formatCidr, type Cidr } from '@litz/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RecordError } from '../../src/record/node-record.ts';
import {
  isNodeName,
  readArray,
  readBoolean,
  readInteger,
  readNodeAddress,
  readNodeAddresses,
  readNodeKey,
  readNodeKeys,
  readObject,
  readPodPrefix,
  readPodPrefixes,
  readPort,
} from '../../src/record/record-fields.ts';
import { keyOf, RUNS } from '../records.ts';

const at = { node: 'n1', field: 'place' };

describe('readPodPrefix', () => {
  test.each(['10.244.1.0/24', '10.0.0.0/16', '10.9.8.7/32', 'fd00:1::/64', 'fd00:1::/48'])(
    'accepts %s',
    (text) => expect(formatCidr(readPodPrefix(text, at))).toBe(text),
  );

  test.each([
    ['0.0.0.0/0', 'contains every address'],
    ['::/0', 'contains every address'],
    ['10.0.0.0/15', 'too short: a node has /16 or longer over IPv4'],
    ['fd00::/47', 'too short: a node has /48 or longer over IPv6'],
    ['127.0.0.0/16', 'loopback'],
    ['127.0.0.1/32', 'loopback'],
    ['::1/128', 'loopback'],
    ['::/96', 'unspecified'],
    ['224.0.0.0/24', 'multicast'],
    ['ff02::/64', 'multicast'],
    ['169.254.7.0/24', 'link-local'],
    ['fe80::/64', 'link-local'],
    ['0.0.0.0/24', 'unspecified'],
    ['255.255.255.255/32', 'reserved'],
    ['::ffff:10.0.0.0/112', 'IPv4 addresses written as IPv6'],
    ['128.0.0.0/1', 'link-local'],
    ['10.244.1.5/24', 'its network is 10.244.1.0/24'],
    ['10.244.1.0', 'expected ADDRESS/LENGTH'],
    ['10.244.1.0/33', 'expected ADDRESS/LENGTH'],
    ['10.244.1/24', 'expected ADDRESS/LENGTH'],
    ['', 'expected ADDRESS/LENGTH'],
    [24, 'got a number'],
    [null, 'got null'],
  ])('refuses %s', (value, reason) => {
    expect(() => readPodPrefix(value, at)).toThrow(reason);
    expect(() => readPodPrefix(value, at)).toThrow('record of node n1: place: ');
  });

  test('explains the limit of the prefix length', () => {
    expect(() => readPodPrefix('10.0.0.0/8', at)).toThrow('belongs to a whole cluster or site');
  });

  test('returns only networks of an allowed length', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), cidrText()), (text) => {
        const read = attempt(() => readPodPrefix(text, at));
        expect(read instanceof RecordError || isSensible(read)).toBe(true);
      }),
      { numRuns: RUNS },
    );
  });
});

describe('readPodPrefixes', () => {
  test('names the bad prefix', () => {
    const values = ['10.244.1.0/24', '10.0.0.0/8'];
    expect(() => readPodPrefixes(values, at)).toThrow('record of node n1: place[1]: ');
  });

  test('returns each prefix once', () => {
    const values = ['10.244.1.0/24', '10.244.2.0/24', '10.244.1.0/24'];
    expect(readPodPrefixes(values, at).map(formatCidr)).toEqual(values.slice(0, 2));
  });

  test('refuses more prefixes than a node can have', () => {
    const values = Array.from({ length: 257 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);
    expect(() => readPodPrefixes(values, at)).toThrow('expected 0 to 256 values, got 257');
  });
});

describe('readNodeKey', () => {
  test('reads a key', () => {
    expect(readNodeKey(keyOf(3).toBase64(), at)).toEqual(keyOf(3));
  });

  test.each([
    ['A'.repeat(43) + '=', 'all zeros'],
    ['AQ' + 'A'.repeat(41) + '=', 'low order'],
    ['7f///////////////////////////////////////38=', 'low order'],
    ['short', 'expected 32 bytes'],
    ['!'.repeat(44), 'expected 32 bytes'],
    [undefined, 'expected a string'],
    [[1, 2], 'expected a string'],
  ])('refuses %s', (value, reason) => {
    expect(() => readNodeKey(value, at)).toThrow(reason);
  });
});

describe('readNodeKeys', () => {
  test('accepts one key, and two keys if the second is newer', () => {
    expect(readNodeKeys([entry(1)], at)).toEqual([
      { publicKey: keyOf(1), generation: 1, createdAt: Date.UTC(2026, 0, 31, 12) },
    ]);
    expect(readNodeKeys([entry(1), entry(2)], at)).toHaveLength(2);
  });

  test.each([
    ['none', [], 'place: expected 1 to 2 values'],
    ['three', [entry(1), entry(2), entry(3)], 'place: expected 1 to 2 values'],
    ['the newer one first', [entry(2), entry(1)], 'place[1].generation: expected more than 2'],
    ['one key twice', [entry(1, 1), entry(1, 2)], 'place[1].publicKey: is the same key'],
    ['a generation below zero', [entry(1, -1)], 'place[0].generation: expected an integer'],
    ['half a generation', [entry(1, 1.5)], 'place[0].generation: expected an integer'],
    ['no generation', [entry(1, null)], 'place[0].generation: expected an integer'],
    [
      'a text that is not a time',
      [{ ...entry(1), createdAt: 'now' }],
      'place[0].createdAt: expected',
    ],
    ['a time without a zone', [{ ...entry(1), createdAt: '2026-01-31T12:00:00' }], 'createdAt'],
    ['a thirteenth month', [{ ...entry(1), createdAt: '2026-13-31T12:00:00Z' }], 'createdAt'],
    ['a text', ['key'], 'place[0]: expected an object, got a string'],
  ])('refuses %s', (_what, keys, reason) => {
    expect(() => readNodeKeys(keys, at)).toThrow(reason);
  });
});

describe('readNodeAddress', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:DB8:0::1', '2001:db8::1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
  ])('reads %s as %s', (text, address) => expect(readNodeAddress(text, at)).toBe(address));

  test.each([
    ['127.0.0.1', 'loopback'],
    ['::1', 'loopback'],
    ['0.0.0.0', 'unspecified'],
    ['::', 'unspecified'],
    ['fe80::1', 'link-local'],
    ['fe80::1%eth0', 'expected an IPv4 or IPv6 address'],
    ['224.0.0.1', 'multicast'],
    ['255.255.255.255', 'reserved'],
    ['node.example', 'expected an IPv4 or IPv6 address'],
    [undefined, 'got nothing'],
  ])('refuses %s', (value, reason) => {
    expect(() => readNodeAddress(value, at)).toThrow(reason);
  });
});

describe('readNodeAddresses', () => {
  test('accepts one address of each family, in the order of preference', () => {
    expect(readNodeAddresses(['2001:db8::1', '192.0.2.1'], at)).toEqual([
      '2001:db8::1',
      '192.0.2.1',
    ]);
  });

  test.each([
    [['192.0.2.1', '192.0.2.2'], 'two of IPv4'],
    [['2001:db8::1', '2001:db8::2'], 'two of IPv6'],
    [[], 'expected 1 to 2 values'],
  ])('refuses %s', (value, reason) => {
    expect(() => readNodeAddresses(value, at)).toThrow(reason);
  });
});

describe('readPort', () => {
  test.each([0, 65_536, 1.5, '51871', null])('refuses %s', (port) => {
    expect(() => readPort(port, at)).toThrow('expected an integer from 1 to 65535');
  });
});

describe('readInteger', () => {
  test('accepts both ends of the range', () => {
    const range = { min: 1, max: 3 };
    expect([readInteger(1, at, range), readInteger(3, at, range)]).toEqual([1, 3]);
  });
});

describe('readBoolean', () => {
  test('reads a missing value as false, and refuses other types', () => {
    expect([readBoolean(undefined, at), readBoolean(true, at)]).toEqual([false, true]);
    expect(() => readBoolean('true', at)).toThrow('expected true or false, got a string');
  });
});

describe('readObject', () => {
  test.each([[[]], [null], ['{}'], [undefined]])('refuses %s', (value) => {
    expect(() => readObject(value, at)).toThrow('expected an object');
  });
});

describe('readArray', () => {
  test('refuses an object', () => {
    expect(() => readArray({}, at, { min: 0, max: 1 })).toThrow('expected an array, got an object');
  });
});

describe('isNodeName', () => {
  test.each(['n1', 'ip-10-0-0-1.eu-west-1.compute.internal', 'Node_1', 'x'.repeat(253)])(
    'accepts %s',
    (name) => expect(isNodeName(name)).toBe(true),
  );

  test.each(['', '.', '..', '.n1', 'n1.', 'a/b', 'a b', 'n1\n', 'ä', 'x'.repeat(254), 7])(
    'refuses %j',
    (name) => expect(isNodeName(name)).toBe(false),
  );
});

function cidrText(): fc.Arbitrary<string> {
  return fc
    .tuple(fc.oneof(fc.ipV4(), fc.ipV6()), fc.integer({ min: 0, max: 128 }))
    .map(([address, length]) => `${address}/${length}`);
}

function attempt<T>(read: () => T): T | RecordError {
  try {
    return read();
  } catch (error) {
    if (error instanceof RecordError) return error;
    throw error;
  }
}

function isSensible({ address, prefixLength }: Cidr): boolean {
  return prefixLength >= (address.length === 4 ? 16 : 48);
}

function entry(number: number, generation: unknown = number): object {
  return {
    publicKey: keyOf(number).toBase64(),
    generation,
    createdAt: '2026-01-31T12:00:00Z',
  };
}
