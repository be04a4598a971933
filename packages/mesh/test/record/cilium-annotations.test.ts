/**
 * Tests of the parts that both formats of Cilium share.
 *
 * @module
 */
import { describe, expect, test } from 'vitest';
import {
  announcedKey,
  chooseAddresses,
  EXTENSION,
  isRevoked,
  readExtension,
  revoked,
  writeExtension,
} from '../../src/record/cilium-annotations.ts';
import { keyOf, recordOf } from '../records.ts';

const at = { node: 'n1', field: 'place' };

describe('chooseAddresses', () => {
  test.each<[string, object[], string[]]>([
    ['the internal address', [external('192.0.2.1'), internal('192.0.2.2')], ['192.0.2.2']],
    [
      'the first of two internal addresses',
      [internal('192.0.2.3'), internal('192.0.2.2')],
      ['192.0.2.3'],
    ],
    [
      'the external address',
      [{ type: 'X', ip: '192.0.2.9' }, external('192.0.2.1')],
      ['192.0.2.1'],
    ],
    [
      'an address of another type',
      [
        { type: 'Hostname', ip: 'n1' },
        { type: 'X', ip: '192.0.2.9' },
      ],
      ['192.0.2.9'],
    ],
    [
      'one of each family, IPv4 first',
      [internal('2001:db8::1'), external('192.0.2.1')],
      ['192.0.2.1', '2001:db8::1'],
    ],
    ['no loopback address', [internal('127.0.0.1'), external('192.0.2.1')], ['192.0.2.1']],
  ])('returns %s', (_what, addresses, expected) => {
    expect(chooseAddresses(addresses as never, at)).toEqual(expected);
  });

  test('never chooses an internal address of Cilium', () => {
    const own = [{ type: 'CiliumInternalIP', ip: '10.0.1.77' }];
    expect(() => chooseAddresses(own, at)).toThrow('place: has no address');
  });
});

describe('readExtension', () => {
  test.each([
    ['no JSON', '{', 'place: is not JSON'],
    ['a list', '[]', 'place: expected an object'],
    ['no keys', '{}', 'place.keys: expected an array'],
    ['a bad port', json({ port: 0 }), 'place.port: expected an integer'],
    ['a bad revocation', json({ revoked: 'x' }), 'place.revoked: expected true or false'],
  ])('refuses %s', (_what, text, reason) => {
    expect(() => readExtension({ [EXTENSION]: text }, keyOf(1), at)).toThrow(reason);
  });
});

describe('writeExtension', () => {
  test('keeps other annotations, and unknown fields of its own annotation', () => {
    const previous = { other: 'x', [EXTENSION]: JSON.stringify({ zone: 'b' }) };
    const written = writeExtension(recordOf(1), previous);
    expect(written['other']).toBe('x');
    expect(JSON.parse(written[EXTENSION] as string)).toMatchObject({ zone: 'b', port: 51871 });
  });
});

describe('isRevoked', () => {
  test.each([
    [{}, false],
    [{ [EXTENSION]: '{' }, false],
    [{ [EXTENSION]: '{"revoked":false}' }, false],
    [{ [EXTENSION]: '{"revoked":true}' }, true],
  ])('returns for %j: %s', (annotations, expected) => {
    expect(isRevoked(annotations)).toBe(expected);
  });
});

describe('announcedKey', () => {
  test('returns the older key', () => {
    const keys = [recordOf(1).keys[0], recordOf(2).keys[0]];
    expect(announcedKey(recordOf(1, { keys }))).toBe(keyOf(1).toBase64());
  });
});

describe('revoked', () => {
  test('has the name, and neither keys nor prefixes', () => {
    expect(revoked('n1')).toMatchObject({ name: 'n1', keys: [], prefixes: [], revoked: true });
  });
});

function json(change: object): string {
  const written = writeExtension(recordOf(1), {});
  return JSON.stringify({ ...JSON.parse(written[EXTENSION] as string), ...change });
}

function internal(ip: string): object {
  return { type: 'InternalIP', ip };
}

function external(ip: string): object {
  return { type: 'ExternalIP', ip };
}
