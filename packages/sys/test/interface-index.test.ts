import { networkInterfaces } from 'node:os';
import { describeWith } from '@litz/testkit';
import { expect, test } from 'vitest';
import { interfaceIndex, interfaceName } from '../src/index.ts';
import { linuxCalls } from './requirements.ts';

describeWith([linuxCalls], 'interfaceIndex and interfaceName', () => {
  test('return the number and the name of the loopback interface', () => {
    const index = interfaceIndex('lo');
    expect(index).toBeGreaterThan(0);
    expect(interfaceName(index!)).toBe('lo');
  });

  test('return the numbers and the names that Node.js shows', () => {
    for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
      expect(interfaceName(interfaceIndex(name)!)).toBe(name);
      const told = addresses.flatMap((found) => (found.family === 'IPv6' ? found.scopeid : []));
      expect([0, interfaceIndex(name)]).toEqual(expect.arrayContaining(told));
    }
  });

  test.each(['', 'no-such-link', 'lo\0', 'lo ', 'sixteen-letters-', '1', '../lo'])(
    'return undefined for the name %j',
    (name) => {
      expect(interfaceIndex(name)).toBeUndefined();
    },
  );

  test('return undefined for a number that no interface has', () => {
    expect(interfaceName(0)).toBeUndefined();
    expect(interfaceName(0x7fff_ffff)).toBeUndefined();
  });
});
