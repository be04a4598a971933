import { describe, expect, test } from 'vitest';
import { LocalAddresses } from '../../src/ip/local-addresses.ts';
import { IpAddress } from '../../src/wire/ip-address.ts';

describe('LocalAddresses', () => {
  test('knows its addresses, each once', () => {
    const addresses = create('10.0.0.1', 'fd00::1', '10.0.0.1');
    expect([...addresses].map((address) => address.toString())).toEqual(['10.0.0.1', 'fd00::1']);
    expect(addresses.has(IpAddress.from('fd00::1'))).toBe(true);
    expect(addresses.has(IpAddress.from('fd00::2'))).toBe(false);
  });

  test.each([
    ['10.9.7.7', '10.9.0.1'],
    ['10.0.3.3', '10.0.0.1'],
    ['192.0.2.1', '10.0.0.1'],
    ['fd01::5', 'fd01::1'],
  ])('chooses for the destination %s the source %s', (destination, source) => {
    const addresses = create('10.0.0.1', '10.9.0.1', 'fd00::1', 'fd01::1', '10.9.0.2');
    expect(addresses.sourceFor(IpAddress.from(destination))?.toString()).toBe(source);
  });

  test('returns no source if the stack has no address of the version of the destination', () => {
    expect(create('10.0.0.1').sourceFor(IpAddress.from('fd00::1'))).toBeUndefined();
  });
});

function create(...texts: string[]): LocalAddresses {
  const addresses = new LocalAddresses();
  for (const text of texts) addresses.add(IpAddress.from(text));
  return addresses;
}
