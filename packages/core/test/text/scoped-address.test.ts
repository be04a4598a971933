import { describe, expect, it } from 'vitest';
import { isZone, tryParseScopedAddress } from '../../src/text/scoped-address.ts';

describe('tryParseScopedAddress', () => {
  it('reads an address without a zone', () => {
    const address = Uint8Array.of(192, 0, 2, 1);
    expect(tryParseScopedAddress('192.0.2.1')).toEqual({ address, scopeId: 0, zone: undefined });
  });

  it.each([
    ['fe80::1%7', 7, undefined],
    ['fe80::1%007', 7, undefined],
    ['fe80::1%4294967295', 4_294_967_295, undefined],
    ['2001:db8::1%7', 7, undefined],
    ['fe80::1%eth0', 0, 'eth0'],
    ['febf::%7a', 0, '7a'],
    ['fe80::1%-1', 0, '-1'],
    ['ff02::1%wan', 0, 'wan'],
    ['ff12::1%wan', 0, 'wan'],
  ])('reads %s', (text, scopeId, zone) => {
    expect(tryParseScopedAddress(text)).toMatchObject({ scopeId, zone });
  });

  it.each([
    'fe80::1%',
    'fe80::1%4294967296',
    'fe80::1%eth0 ',
    'fe80::1%eth0/64',
    'fe80::1%a%b',
    'fe80::1%sixteen-letters-',
    'fec0::1%eth0',
    'ff05::1%eth0',
    '2001:db8::1%eth0',
    '192.0.2.1%eth0',
    '192.0.2.1%7',
    '%eth0',
    '',
  ])('refuses %j', (text) => {
    expect(tryParseScopedAddress(text)).toBeUndefined();
  });
});

describe('isZone', () => {
  it.each(['eth0', 'wg-é'])('accepts %j', (zone) => {
    expect(isZone(zone)).toBe(true);
  });

  it.each(['', 'a b', 'a%b', '[a', 'a]'])('refuses %j', (zone) => {
    expect(isZone(zone)).toBe(false);
  });
});

describe('a zone', () => {
  it('that is a name is accepted only after a link-local address', () => {
    for (const address of ['fe80::1', 'febf::1', 'ff02::1', 'ff12::1']) {
      expect(tryParseScopedAddress(`${address}%eth0`)?.zone).toBe('eth0');
    }
    for (const address of ['fd80::1', 'fec0::1', 'ff05::1', '2001:db8::1']) {
      expect(tryParseScopedAddress(`${address}%eth0`)).toBeUndefined();
    }
    expect(tryParseScopedAddress(5 as never)).toBeUndefined();
  });
});
