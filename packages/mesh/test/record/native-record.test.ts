/**
 * Tests of Litz's own JSON form of a record.
 *
 * @module
 */
import { parseCidr } from '@litz/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  parseRecordText,
  readNativeRecord,
  tryRead,
  writeKeys,
  writeNativeRecord,
} from '../../src/record/native-record.ts';
import { RecordError, type NodeRecord } from '../../src/record/node-record.ts';
import { keyOf, plain, recordOf, RUNS } from '../records.ts';

describe('readNativeRecord', () => {
  test('reads the output of writeNativeRecord', () => {
    const record = recordOf(1, {
      addresses: ['192.0.2.1', '2001:db8::1'],
      prefixes: [parseCidr('10.244.1.0/24'), parseCidr('fd00:1::/64')],
      keys: [
        { publicKey: keyOf(1), generation: 4, createdAt: 1_760_000_000_123 },
        { publicKey: keyOf(2), generation: 5, createdAt: 1_760_000_100_000 },
      ],
      encryptsNode: true,
      sendsPlaintext: true,
    });
    expect(readNativeRecord('n1', plain(writeNativeRecord(record)))).toEqual(record);
  });

  test('accepts a record without the three fields that are false by default', () => {
    const { encryptsNode: _e, sendsPlaintext: _s, revoked: _r, ...rest } = jsonOf(recordOf(1));
    expect(readNativeRecord('n1', rest)).toEqual(recordOf(1));
  });

  test.each<[string, Record<string, unknown>, string]>([
    ['a later version', { version: 2 }, 'version: is 2, but this version of Litz reads only 1'],
    ['no version', { version: undefined }, 'version: expected an integer'],
    ['the name of another node', { name: 'n2' }, 'name: expected "n1", the name in the registry'],
    ['no address', { addresses: [] }, 'addresses: expected 1 to 2 values, got 0'],
    [
      'a loopback address',
      { addresses: ['127.0.0.1'] },
      'addresses[0]: "127.0.0.1" cannot be the address of a node',
    ],
    ['port 0', { port: 0 }, 'port: expected an integer from 1 to 65535, got 0'],
    ['no keys', { keys: 'none' }, 'keys: expected an array, got a string'],
    [
      'a prefix of everything',
      { prefixes: ['10.244.1.0/24', '0.0.0.0/0'] },
      'prefixes[1]: 0.0.0.0/0 contains every',
    ],
    [
      'a number instead of a boolean',
      { sendsPlaintext: 1 },
      'sendsPlaintext: expected true or false',
    ],
    [
      'a text instead of a boolean',
      { encryptsNode: 'yes' },
      'encryptsNode: expected true or false',
    ],
    ['a revocation that is no boolean', { revoked: 1 }, 'revoked: expected true or false'],
  ])('refuses %s, and names the field', (_what, change, message) => {
    expect(errorOf({ ...jsonOf(recordOf(1)), ...change }).message).toContain(message);
  });

  test.each([[null], [[]], ['text'], [7]])('refuses %j as a whole', (value) => {
    expect(errorOf(value)).toMatchObject({ node: 'n1', field: 'text' });
  });

  test('refuses a name that no node can have', () => {
    const read = readNativeRecord('../n1', { ...jsonOf(recordOf(1)), name: '../n1' });
    expect(read).toMatchObject({ field: 'name' });
  });

  test.each([
    { revoked: true },
    { revoked: true, version: 9, addresses: ['nonsense'], keys: [{}], prefixes: '0.0.0.0/0' },
  ])('revokes a node even if its other fields are bad: %j', (value) => {
    const read = readNativeRecord('n1', value) as NodeRecord;
    expect(read).toMatchObject({ name: 'n1', revoked: true, keys: [], prefixes: [] });
  });

  test('keeps the readable fields of a revoked record', () => {
    const record = recordOf(1, { sendsPlaintext: true, revoked: true });
    expect(readNativeRecord('n1', jsonOf(record))).toEqual(record);
  });

  test('returns a record or a RecordError for any JSON', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.constantFrom('version', 'keys', 'prefixes'),
        (value, field) => {
          for (const whole of [value, { ...jsonOf(recordOf(1)), [field]: value }]) {
            const read = readNativeRecord('n1', whole);
            expect(read instanceof RecordError ? read.node : read.name).toBe('n1');
          }
        },
      ),
      { numRuns: RUNS },
    );
  });
});

describe('writeNativeRecord', () => {
  test('keeps unknown fields of the record and of a key that stays', () => {
    const before = jsonOf(recordOf(1)) as { keys: object[] };
    before.keys[0] = { ...before.keys[0], origin: 'hsm' };
    const previous = { ...before, zone: 'b', ['__proto__x']: 1, port: 1 };
    const written = plain(writeNativeRecord(recordOf(1, { encryptsNode: true }), previous));
    expect(written).toEqual({
      ...jsonOf(recordOf(1, { encryptsNode: true })),
      keys: [{ ...before.keys[0], origin: 'hsm' }],
      zone: 'b',
      ['__proto__x']: 1,
    });
  });

  test('does not carry the fields of a key to another key', () => {
    const before = jsonOf(recordOf(1)) as { keys: object[] };
    before.keys[0] = { ...before.keys[0], origin: 'hsm' };
    const rotated = recordOf(1, { keys: recordOf(2).keys });
    expect(JSON.stringify(writeNativeRecord(rotated, before))).not.toContain('hsm');
  });

  test.each([[undefined], [null], [[]], ['text'], [{ keys: 7 }]])(
    'replaces %j by a record without unknown fields',
    (previous) => {
      expect(plain(writeNativeRecord(recordOf(1), previous))).toEqual(jsonOf(recordOf(1)));
    },
  );
});

describe('writeKeys', () => {
  test('writes the time as text', () => {
    expect(writeKeys(recordOf(1).keys)).toEqual([
      { publicKey: keyOf(1).toBase64(), generation: 1, createdAt: '2025-10-09T08:53:20.000Z' },
    ]);
  });
});

describe('parseRecordText', () => {
  test('returns the value', () => expect(parseRecordText('n1', '{"a":1}')).toEqual({ a: 1 }));

  test.each([
    ['', 'is empty'],
    [' \n', 'is empty'],
    ['{"version":1,"na', 'is not JSON'],
    [`"${'x'.repeat(65_536)}"`, 'has 65538 characters, at most 65536 are allowed'],
  ])('reports what is wrong with %j', (text, reason) => {
    const error = parseRecordText('n1', text) as RecordError;
    expect(error).toMatchObject({ node: 'n1', field: 'text' });
    expect(error.message).toContain(reason);
  });
});

describe('tryRead', () => {
  test('rethrows an error that is not a RecordError', () => {
    const bug = new TypeError('a mistake of ours');
    expect(() =>
      tryRead(() => {
        throw bug;
      }),
    ).toThrow(bug);
  });
});

function jsonOf(record: NodeRecord): Record<string, unknown> {
  return plain(writeNativeRecord(record)) as Record<string, unknown>;
}

function errorOf(value: unknown): RecordError {
  const read = readNativeRecord('n1', value);
  if (read instanceof RecordError) return read;
  throw new Error('the record was accepted');
}
