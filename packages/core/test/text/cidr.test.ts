import { inspect } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatCidr, parseCidr, Prefix, tryParseCidr } from '../../src/text/cidr.ts';

const RUNS = Number(process.env['FC_NUM_RUNS'] ?? 300);

describe('parseCidr', () => {
  it('reads an address with a prefix length and keeps host bits', () => {
    expect(parseCidr('10.0.0.1/24')).toEqual({
      address: Uint8Array.of(10, 0, 0, 1),
      prefixLength: 24,
    });
    expect(parseCidr('fd00::/8').prefixLength).toBe(8);
  });

  it('reads a single address without a prefix length', () => {
    expect(parseCidr('10.0.0.1').prefixLength).toBe(32);
    expect(parseCidr('::1').prefixLength).toBe(128);
  });

  it.each(
    ['10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/-1', '10.0.0.0/+8', '10.0.0.0/08', '::/00']
      .concat(['10.0.0.0/ 8', '10.0.0.0/8 ', '10.0.0.0/8/8', '10.0.0.0/0x8', '10.0.0.0/8.0'])
      .concat(['/8', '1.1/8', 'fe80::1%eth0/64', '']),
  )('refuses "%s"', (text) => {
    expect(() => parseCidr(text)).toThrow(
      expect.objectContaining({ code: 'ERR_LITZ_INVALID_CIDR' }),
    );
  });

  it('reads what formatCidr writes for any accepted text', () => {
    const prefix = fc.oneof(fc.nat(140).map(String), fc.string());
    const text = fc.oneof(
      fc.string(),
      fc.tuple(fc.oneof(fc.ipV4(), fc.ipV6()), prefix).map(([ip, bits]) => `${ip}/${bits}`),
    );
    fc.assert(
      fc.property(text, (input) => {
        const cidr = tryParseCidr(input);
        expect(cidr && parseCidr(formatCidr(cidr))).toEqual(cidr);
      }),
      { numRuns: RUNS },
    );
  });
});

describe('Prefix', () => {
  it('is printed as its text', () => {
    const prefix = parseCidr('10.0.0.0/8');
    expect(JSON.stringify({ prefix })).toBe('{"prefix":"10.0.0.0/8"}');
    expect(String(prefix as Prefix)).toBe('10.0.0.0/8');
    expect(inspect([prefix])).toBe('[ Prefix(10.0.0.0/8) ]');
    expect(prefix).toEqual({ address: Uint8Array.of(10, 0, 0, 0), prefixLength: 8 });
  });

  it.each<[string, unknown, unknown]>([
    ['"address" expected 4 or 16 bytes, got a string', '10.0.0.0', 8],
    ['"address" expected 4 or 16 bytes, got 5', new Uint8Array(5), 8],
    ['"prefixLength" expected an integer from 0 to 32, got 33', new Uint8Array(4), 33],
    [
      '"prefixLength" expected an integer from 0 to 128, got undefined',
      new Uint8Array(16),
      undefined,
    ],
  ])('throws %s', (message, address, prefixLength) => {
    expect(() => new Prefix(address as never, prefixLength as never)).toThrow(message);
  });
});

describe('formatCidr', () => {
  it('refuses a prefix length that does not fit the address', () => {
    const address = Uint8Array.of(10, 0, 0, 0);
    for (const prefixLength of [33, -1, 1.5, NaN, '8', undefined]) {
      expect(() => formatCidr({ address, prefixLength: prefixLength as number })).toThrow(
        '"prefixLength" expected an integer from 0 to 32',
      );
    }
  });
});

describe('a value that is not a prefix', () => {
  it('is refused with an error that names the expected format', () => {
    expect(() => parseCidr('10.0.0.0/33')).toThrow(
      'expected an address with prefix length, got "10.0.0.0/33"',
    );
    for (const other of [undefined, null, 5, ['::/0']]) {
      expect(tryParseCidr(other as never)).toBeUndefined();
    }
    expect(tryParseCidr('10.0.0.0/0')?.prefixLength).toBe(0);
    for (const text of ['10.0.0.0/00', '10.0.0.0/08', '10.0.0.0/']) {
      expect(tryParseCidr(text)).toBeUndefined();
    }
    expect(() => formatCidr(5 as never)).toThrow('"cidr" expected an object, got a number');
  });
});
