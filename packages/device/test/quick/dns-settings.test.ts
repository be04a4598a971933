import { describe, expect, test } from 'vitest';
import { readDnsSettings, wrongServer } from '../../src/quick/dns-settings.ts';

describe('readDnsSettings', () => {
  test('treats a word that looks like an address as a server, as wg-quick does', () => {
    expect(readDnsSettings(['10.0.0.53', 'example.test', 'fd00::53', '1.2'])).toEqual({
      servers: ['10.0.0.53', 'fd00::53', '1.2'],
      searchDomains: ['example.test'],
    });
  });
});

describe('wrongServer', () => {
  test.each([
    [['10.0.0.53', 'fd00::53', 'fe80::1%eth0', 'example.test'], undefined],
    [['10.0.0.53', '10.0.0.553'], '10.0.0.553'],
    [['fd00:::53'], 'fd00:::53'],
  ])('given %j, returns %s', (words, wrong) => {
    expect(wrongServer(words)).toBe(wrong);
  });
});
