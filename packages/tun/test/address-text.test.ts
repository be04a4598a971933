import { describe, expect, it } from 'vitest';
import { parseInterfaceAddress } from '../src/address-text.ts';

describe('parseInterfaceAddress', () => {
  it.each([
    ['10.20.30.40/0', 4, [10, 20, 30, 40], 0],
    ['255.255.255.255/32', 4, [255, 255, 255, 255], 32],
    ['::/128', 6, zeros(16), 128],
    ['fd00::1/64', 6, [0xfd, ...zeros(14), 1], 64],
    ['1:2:3:4:5:6:7:8/48', 6, [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8], 48],
    ['2001:db8::/32', 6, [0x20, 0x01, 0x0d, 0xb8, ...zeros(12)], 32],
    ['::ffff:10.0.0.1/96', 6, [...zeros(10), 255, 255, 10, 0, 0, 1], 96],
    ['::10.0.0.1/96', 6, [...zeros(12), 10, 0, 0, 1], 96],
  ] as const)('reads %s', (text, family, bytes, prefixLength) => {
    const address = Uint8Array.from(bytes);
    expect(parseInterfaceAddress(text, family, 'ip')).toEqual({ address, prefixLength });
  });

  it.each([
    ['', 4],
    ['10.0.0.1', 4],
    ['10.0.0.1/', 4],
    ['10.0.0.1/33', 4],
    ['10.0.0.1/08', 4],
    ['10.0.0.1/-1', 4],
    ['10.0.0.1/24/24', 4],
    ['10.0.0.256/24', 4],
    ['fd00::1/64', 4],
    ['10.0.0.1/24', 6],
    ['fd00::1/129', 6],
    ['fe80::1%eth0/64', 6],
    [':::/64', 6],
  ] as const)('refuses %j as an address of IPv%d', (text, family) => {
    expect(() => parseInterfaceAddress(text, family, 'ip')).toThrow(TypeError);
  });
});

function zeros(length: number): number[] {
  return Array.from({ length }, () => 0);
}
