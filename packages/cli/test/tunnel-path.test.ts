import { describe, expect, test } from 'vitest';
import { locateTunnelFile } from '../src/tunnel-path.ts';

describe('locateTunnelFile', () => {
  test.each([
    ['wg0', '/etc/wireguard/wg0.conf', 'wg0'],
    ['a.b', '/etc/wireguard/a.b.conf', 'a.b'],
    ['wg0.conf', 'wg0.conf', 'wg0'],
    ['./wg0.conf', './wg0.conf', 'wg0'],
    ['/some/where/office_=+.-1.conf', '/some/where/office_=+.-1.conf', 'office_=+.-1'],
  ])('finds %s', (target, file, name) => {
    expect(locateTunnelFile(target)).toEqual({ file, name });
  });

  test.each(['', 'sixteen-letters-', './wg0', './wg0.txt', '/etc/.conf', '...conf', 'a b.conf'])(
    'refuses %j, because it does not give the name of an interface',
    (target) => {
      expect(() => locateTunnelFile(target)).toThrow(
        /^cannot read the interface name from .*NAME\.conf/,
      );
    },
  );
});
