import { networkInterfaces } from 'node:os';
import { describeWith } from '@litz/testkit';
import { expect, test } from 'vitest';
import { interfaceIndex, interfaceName } from '../src/index.ts';
import { linuxCalls } from './requirements.ts';

describeWith([linuxCalls], 'interfaceIndex', () => {
  test('returns the number of the loopback interface, and interfaceName its name', () => {
    const index = interfaceIndex('lo');
    expect(index).toBeGreaterThan(0);
    expect(interfaceName(index!)).toBe('lo');
  });

  test('returns the number that Node.js shows for link-local addresses, and interfaceName the name', () => {
    for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
      expect(interfaceName(interfaceIndex(name)!)).toBe(name);
      const told = addresses.flatMap((found) => (found.family === 'IPv6' ? found.scopeid : []));
      expect([0, interfaceIndex(name)]).toEqual(expect.arrayContaining(told));
    }
  });

  test.each(['', 'no-such-link', 'lo\0', 'lo ', 'sixteen-letters-', '1', '../lo'])(
    'returns undefined for %j',
    (name) => {
      expect(interfaceIndex(name)).toBeUndefined();
    },
  );

  test('interfaceName returns undefined if no interface has the number', () => {
    expect(interfaceName(0)).toBeUndefined();
    expect(interfaceName(0x7fff_ffff)).toBeUndefined();
  });
});
