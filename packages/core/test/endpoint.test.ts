import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Endpoint } from '../src/endpoint.ts';
import { parseAddress } from '../src/text/address.ts';

const LINK_LOCAL = parseAddress('fe80::1');

describe('Endpoint', () => {
  it('is its text where it is printed', () => {
    const endpoint = new Endpoint(LINK_LOCAL, 5, { zone: 'eth0' });
    expect(`${String(endpoint)} ${JSON.stringify([endpoint])}`).toBe(
      '[fe80::1%eth0]:5 ["[fe80::1%eth0]:5"]',
    );
    expect(inspect({ endpoint })).toBe('{ endpoint: Endpoint([fe80::1%eth0]:5) }');
    expect(String(new Endpoint(Uint8Array.of(192, 0, 2, 1), 5))).toBe('192.0.2.1:5');
  });

  it('is the IPv4 endpoint where it is given in the form of IPv6, and so is its source', () => {
    const endpoint = new Endpoint(parseAddress('::ffff:192.0.2.1'), 7, {
      scopeId: 3,
      zone: 'wan',
      sourceAddress: parseAddress('::ffff:192.0.2.2'),
      sourceInterface: 4,
    });
    const plain = new Endpoint(parseAddress('192.0.2.1'), 7, {
      sourceAddress: parseAddress('192.0.2.2'),
      sourceInterface: 4,
    });
    expect(endpoint).toEqual(plain);
    expect(endpoint.equals(plain)).toBe(true);
  });

  it.each(['::192.0.2.1', '::ffff:0:192.0.2.1', '1::ffff:192.0.2.1', '64:ff9b::192.0.2.1'])(
    'leaves %s what it is',
    (text) => {
      expect(new Endpoint(parseAddress(text), 7).address).toEqual(parseAddress(text));
    },
  );

  it('is another destination on another interface, by its number or by its name', () => {
    const endpoint = new Endpoint(LINK_LOCAL, 7, { zone: 'wan' });
    expect(endpoint.sameDestination(new Endpoint(LINK_LOCAL, 7, { zone: 'wan' }))).toBe(true);
    expect(endpoint.sameDestination(new Endpoint(LINK_LOCAL, 7, { zone: 'lan' }))).toBe(false);
    expect(endpoint.sameDestination(new Endpoint(LINK_LOCAL, 7))).toBe(false);
    expect(endpoint.sameDestination(new Endpoint(LINK_LOCAL, 7, { scopeId: 3 }))).toBe(false);
  });

  it('keeps its interface without a source', () => {
    const options = { zone: 'wan', scopeId: 3 };
    const endpoint = new Endpoint(LINK_LOCAL, 7, { ...options, sourceAddress: LINK_LOCAL });
    expect(endpoint.withoutSource()).toEqual(new Endpoint(LINK_LOCAL, 7, options));
  });
});

describe('an Endpoint of what is none', () => {
  const ADDRESS = new Uint8Array(16).fill(0xfe);

  it.each<[string, () => unknown]>([
    ['"address" expected 4 or 16 bytes, got object', () => new Endpoint([1, 2, 3, 4] as never, 5)],
    ['"address" expected 4 or 16 bytes, got object', () => new Endpoint(null as never, 5)],
    ['"options" expected an object', () => new Endpoint(ADDRESS, 5, null as never)],
    ['"zone" expected the name', () => new Endpoint(ADDRESS, 5, { zone: 'x]:5\nremove=true' })],
    ['"zone" expected the name', () => new Endpoint(ADDRESS, 5, { zone: 7 as never })],
    ['"scopeId" expected', () => new Endpoint(ADDRESS, 5, { scopeId: -1 })],
    ['"scopeId" expected', () => new Endpoint(ADDRESS, 5, { scopeId: Number.NaN })],
    ['"sourceInterface" expected', () => new Endpoint(ADDRESS, 5, { sourceInterface: 0.5 })],
    ['"sourceAddress" expected', () => new Endpoint(ADDRESS, 5, { sourceAddress: 'x' as never })],
  ])('says %s', (message, make) => {
    expect(make).toThrow(message);
  });
});
