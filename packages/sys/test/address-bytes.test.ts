import { isIP } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressBytes } from '../src/address-bytes.ts';

describe('addressBytes', () => {
  test.each([
    ['127.0.0.1', [127, 0, 0, 1]],
    ['::', zeros(16)],
    ['2001:db8::', [0x20, 1, 0xd, 0xb8, ...zeros(12)]],
    ['1:2:3:4:5:6:7:8', [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8]],
    ['::ffff:192.0.2.1', [...zeros(10), 255, 255, 192, 0, 2, 1]],
  ])('reads %s', (text, bytes) => {
    expect([...addressBytes(text)!]).toEqual(bytes);
  });

  test.each([
    '',
    '010.0.0.1',
    '1.2.3',
    'fe80::1%4',
    ':::',
    '::1.2.3.4:5',
    '1.2.3.4::',
    '1:1.2.3.4::5',
  ])('refuses %j', (text) => {
    expect(addressBytes(text)).toBeUndefined();
  });

  test('takes exactly what the system takes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string({ unit: charset })), (text) => {
        const kind = addressBytes(text)?.length;
        expect(kind === undefined ? 0 : kind === 4 ? 4 : 6).toBe(isIP(text));
      }),
    );
  });
});

const charset = fc.constantFrom(...Array.from('0123456789abcdefg:.'));

function zeros(length: number): number[] {
  return Array<number>(length).fill(0);
}
