import { describe, expect, test } from 'vitest';
import { IpAddress } from '../../src/wire/ip-address.ts';

describe('IpAddress', () => {
  test.each(['0.0.0.0', '10.1.2.255', '255.255.255.255', '::', 'fd00::ff:1', '1:2:3:4:5:6:7:8'])(
    'reads %s and writes the same text',
    (text) => {
      const address = IpAddress.from(text);
      expect(address.toString()).toBe(text);
      expect(address.equals(IpAddress.from(address.toBytes()))).toBe(true);
    },
  );

  test('distinguishes an IPv4 address from an IPv6 address with the same last word', () => {
    expect(IpAddress.from('0.0.0.5').equals(IpAddress.from('::5'))).toBe(false);
    expect(IpAddress.from('1::5').equals(IpAddress.from('2::5'))).toBe(false);
  });

  test.each<[text: string, isHost: boolean]>([
    ['10.0.0.1', true],
    ['0.1.2.3', false],
    ['224.0.0.1', false],
    ['255.255.255.255', false],
    ['fe80::1', true],
    ['::', false],
    ['ff02::1', false],
    ['::ffff:10.0.0.1', false],
  ])('says whether %s can be the address of one host: %s', (text, isHost) => {
    expect(IpAddress.from(text).isHost).toBe(isHost);
  });

  test.each<[a: string, b: string, bits: number]>([
    ['10.0.0.1', '10.0.0.1', 32],
    ['10.0.0.1', '10.0.0.3', 30],
    ['10.0.0.1', 'fd00::1', 0],
    ['fd00::1', 'fd00::1', 128],
    ['fd00::1', 'fd00:0:0:1::1', 63],
    ['fd00::1:0:1', 'fd00::1', 95],
  ])('counts the leading bits of %s and %s that are equal: %i', (a, b, bits) => {
    expect(IpAddress.from(a).commonBits(IpAddress.from(b))).toBe(bits);
  });

  test.each([['nonsense'], [new Uint8Array(5)], [undefined], [5]])('refuses %j', (value) => {
    expect(() => IpAddress.from(value as string)).toThrow(/address/);
  });
});
