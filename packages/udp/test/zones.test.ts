import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';
import * as sys from '@litz/sys';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { interfaceIndex, interfaceName } from '../src/zones.ts';

vi.mock('@litz/sys');
vi.mock('node:os');

beforeEach(() => {
  // A global address comes first. Node.js gives it the scope 0.
  vi.mocked(networkInterfaces).mockReturnValue({
    wan: [address('IPv4', 0), address('IPv6', 0), address('IPv6', 7)],
    global: [address('IPv6', 0)],
  });
});

describe('interfaceIndex and interfaceName', () => {
  test('return the values of the C library, also for a link without an address', () => {
    vi.mocked(sys.interfaceIndex).mockImplementation((name) => (name === 'down' ? 5 : undefined));
    vi.mocked(sys.interfaceName).mockImplementation((index) => (index === 5 ? 'down' : undefined));
    expect(interfaceIndex('down')).toBe(5);
    expect(interfaceIndex('wan')).toBeUndefined();
    expect(interfaceName(5)).toBe('down');
    expect(interfaceName(7)).toBeUndefined();
  });

  test('return the values of Node.js for link-local addresses where there is no FFI', () => {
    vi.mocked(sys.interfaceIndex).mockImplementation(missing);
    vi.mocked(sys.interfaceName).mockImplementation(missing);
    expect(interfaceIndex('wan')).toBe(7);
    expect(interfaceIndex('global')).toBeUndefined();
    expect(interfaceIndex('gone')).toBeUndefined();
    expect(interfaceName(7)).toBe('wan');
    expect(interfaceName(0)).toBeUndefined();
  });
});

function address(family: 'IPv4' | 'IPv6', scopeid: number): NetworkInterfaceInfo {
  return { family, scopeid } as unknown as NetworkInterfaceInfo;
}

function missing(): never {
  throw new Error('no koffi');
}
