import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressFromText, addressToText } from '../src/address-text.ts';

describe('addressFromText', () => {
  test.each([
    ['127.0.0.1', [127, 0, 0, 1]],
    ['::1', [...zeros(15), 1]],
    ['::', zeros(16)],
    ['fe80::1', [0xfe, 0x80, ...zeros(13), 1]],
    ['2001:db8::', [0x20, 1, 0xd, 0xb8, ...zeros(12)]],
    ['1:2:3:4:5:6:7:8', [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8]],
    ['::ffff:192.0.2.1', [...zeros(10), 255, 255, 192, 0, 2, 1]],
  ])('reads %s', (text, bytes) => {
    expect([...addressFromText(text)!.address]).toEqual(bytes);
  });

  test('reads a numeric zone as the scope', () => {
    expect(addressFromText('fe80::1%4')).toMatchObject({ scopeId: 4 });
  });

  test('reads what addressToText returns', () => {
    const address = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
    );
    fc.assert(
      fc.property(address, (bytes) => {
        expect(addressFromText(addressToText(bytes))).toEqual({ address: bytes, scopeId: 0 });
      }),
    );
  });
});

describe('addressToText', () => {
  test('appends the scope', () => {
    const address = Uint8Array.from([0xfe, 0x80, ...zeros(13), 1]);
    expect(addressToText(address, 0)).toBe('fe80::1');
    expect(addressToText(address, 123_456_789)).toBe('fe80::1%123456789');
  });
});

function zeros(length: number): number[] {
  return Array<number>(length).fill(0);
}
