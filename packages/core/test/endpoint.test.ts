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
