import { networkInterfaces } from 'node:os';
import { describeWith } from '@litz/testkit';
import { expect, test } from 'vitest';
import { interfaceIndex, interfaceName } from '../src/index.ts';
import { linuxCalls } from './requirements.ts';

describeWith([linuxCalls], 'interfaceIndex', () => {
  test('is the number of the loopback interface, and interfaceName the way back', () => {
    const index = interfaceIndex('lo');
    expect(index).toBeGreaterThan(0);
    expect(interfaceName(index!)).toBe('lo');
  });

  test('knows every interface that Node tells of, by the number of its link-local address', () => {
    for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
      const local = addresses.find(
        ({ family, address }) => family === 'IPv6' && /^fe80:/.test(address),
      );
      if (local?.family === 'IPv6') expect(interfaceIndex(name)).toBe(local.scopeid);
      expect(interfaceName(interfaceIndex(name)!)).toBe(name);
    }
  });

  test.each(['', 'no-such-link', 'lo\0', 'lo ', 'sixteen-letters-', '1', '../lo'])(
    'knows no %j',
    (name) => {
      expect(interfaceIndex(name)).toBeUndefined();
    },
  );

  test('knows no number that nobody has', () => {
    expect(interfaceName(0)).toBeUndefined();
    expect(interfaceName(0x7fff_ffff)).toBeUndefined();
  });
});
