import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Endpoint } from '../src/endpoint.ts';
import { parseAddress } from '../src/text/address.ts';

const LINK_LOCAL = parseAddress('fe80::1');

describe('Endpoint', () => {
  it('is printed as its text', () => {
    const endpoint = new Endpoint(LINK_LOCAL, 5, { zone: 'eth0' });
    expect(`${String(endpoint)} ${JSON.stringify([endpoint])}`).toBe(
      '[fe80::1%eth0]:5 ["[fe80::1%eth0]:5"]',
    );
    expect(inspect({ endpoint })).toBe('{ endpoint: Endpoint([fe80::1%eth0]:5) }');
    expect(String(new Endpoint(Uint8Array.of(192, 0, 2, 1), 5))).toBe('192.0.2.1:5');
  });

  it('turns IPv4-mapped addresses into IPv4 addresses, without zone and scope id', () => {
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
    'does not change %s',
    (text) => {
      expect(new Endpoint(parseAddress(text), 7).address).toEqual(parseAddress(text));
    },
  );

  it('is a different destination if the number or the name of the interface differs', () => {
    const endpoint = new Endpoint(LINK_LOCAL, 7, { zone: 'wan' });
    expect(endpoint.sameDestination(new Endpoint(LINK_LOCAL, 7, { zone: 'wan' }))).toBe(true);
    expect(endpoint.sameDestination(new Endpoint(LINK_LOCAL, 7, { zone: 'lan' }))).toBe(false);
    expect(endpoint.sameDestination(new Endpoint(LINK_LOCAL, 7))).toBe(false);
    expect(endpoint.sameDestination(new Endpoint(LINK_LOCAL, 7, { scopeId: 3 }))).toBe(false);
  });

  it('shows the number of its interface if the name is not known', () => {
    expect(String(new Endpoint(LINK_LOCAL, 5, { scopeId: 2 }))).toBe('[fe80::1%2]:5');
    expect(String(new Endpoint(LINK_LOCAL, 5, { scopeId: 2, zone: 'eth0' }))).toBe(
      '[fe80::1%eth0]:5',
    );
    expect(String(new Endpoint(LINK_LOCAL, 5))).toBe('[fe80::1]:5');
  });

  it('keeps its interface when the source is removed', () => {
    const options = { zone: 'wan', scopeId: 3 };
    const endpoint = new Endpoint(LINK_LOCAL, 7, { ...options, sourceAddress: LINK_LOCAL });
    expect(endpoint.withoutSource()).toEqual(new Endpoint(LINK_LOCAL, 7, options));
  });
});

describe('Endpoint.sameDestination', () => {
  const endpoint = new Endpoint(LINK_LOCAL, 7, { scopeId: 3 });

  it('compares address, port and interface, but not the source', () => {
    const options = { scopeId: 3, sourceAddress: LINK_LOCAL, sourceInterface: 9 };
    expect(endpoint.sameDestination(endpoint)).toBe(true);
    expect(endpoint.sameDestination(new Endpoint(LINK_LOCAL.slice(), 7, options))).toBe(true);
    expect(endpoint.sameDestination(new Endpoint(LINK_LOCAL, 8, { scopeId: 3 }))).toBe(false);
    expect(endpoint.sameDestination(new Endpoint(LINK_LOCAL, 7, { scopeId: 4 }))).toBe(false);
    for (let at = 0; at < 16; at++) {
      const other = LINK_LOCAL.slice();
      other[at] ^= 1;
      expect(endpoint.sameDestination(new Endpoint(other, 7, { scopeId: 3 }))).toBe(false);
    }
  });

  it('distinguishes the address families, even if one address is a prefix of the other', () => {
    const four = new Endpoint(LINK_LOCAL.slice(0, 4), 7, { scopeId: 3 });
    expect(endpoint.sameDestination(four)).toBe(false);
    expect(four.sameDestination(endpoint)).toBe(false);
  });
});

describe('Endpoint.equals', () => {
  const source = { sourceAddress: Uint8Array.of(10, 0, 0, 1), sourceInterface: 3 };
  const endpoint = new Endpoint(Uint8Array.of(192, 0, 2, 1), 7, source);

  it('compares the source too', () => {
    const like = (options: object, port = 7): Endpoint =>
      new Endpoint(Uint8Array.of(192, 0, 2, 1), port, { ...source, ...options });
    expect(endpoint.equals(endpoint)).toBe(true);
    expect(endpoint.equals(like({}))).toBe(true);
    expect(endpoint.equals(like({ sourceAddress: source.sourceAddress.slice() }))).toBe(true);
    expect(endpoint.equals(like({}, 8))).toBe(false);
    expect(endpoint.equals(like({ sourceInterface: 4 }))).toBe(false);
    expect(endpoint.equals(like({ sourceAddress: Uint8Array.of(10, 0, 0, 2) }))).toBe(false);
    expect(endpoint.equals(like({ sourceAddress: undefined }))).toBe(false);
    expect(like({ sourceAddress: undefined }).equals(endpoint)).toBe(false);
    const without = [0, 1].map(() => like({ sourceAddress: undefined }));
    expect(without[0].equals(without[1])).toBe(true);
  });
});

describe('Endpoint.withoutSource', () => {
  it('returns the same object if there is no source, and a new object if there is one', () => {
    const address = Uint8Array.of(192, 0, 2, 1);
    const plain = new Endpoint(address, 7);
    expect(plain.withoutSource()).toBe(plain);
    for (const options of [{ sourceAddress: address }, { sourceInterface: 3 }]) {
      expect(new Endpoint(address, 7, options).withoutSource()).toEqual(plain);
    }
  });

  it('adds no zone to an endpoint that has none', () => {
    const endpoint = new Endpoint(LINK_LOCAL, 7, { scopeId: 2, sourceInterface: 2 });
    expect(endpoint.withoutSource()).toEqual(new Endpoint(LINK_LOCAL, 7, { scopeId: 2 }));
  });
});

describe('the arguments of Endpoint', () => {
  it.each([1, 65_535])('accepts port %i', (port) => {
    expect(new Endpoint(new Uint8Array(4), port).port).toBe(port);
  });

  it.each([0, 65_536, 1.5, Number.NaN])('refuses port %d', (port) => {
    expect(() => new Endpoint(new Uint8Array(4), port)).toThrow(
      expect.objectContaining({
        code: 'ERR_LITZ_INVALID_ENDPOINT',
        message: `"port" expected 1..65535, got ${port}`,
      }),
    );
  });

  const ADDRESS = new Uint8Array(16).fill(0xfe);

  it.each<[string, () => unknown]>([
    ['"address" expected 4 or 16 bytes, got object', () => new Endpoint([1, 2, 3, 4] as never, 5)],
    ['"address" expected 4 or 16 bytes, got object', () => new Endpoint(null as never, 5)],
    ['"address" expected 4 or 16 bytes, got 5', () => new Endpoint(new Uint8Array(5), 5)],
    ['"options" expected an object', () => new Endpoint(ADDRESS, 5, null as never)],
    ['"zone" expected the name', () => new Endpoint(ADDRESS, 5, { zone: 'x]:5\nremove=true' })],
    [
      '"zone" expected the name of an interface, got "7"',
      () => new Endpoint(ADDRESS, 5, { zone: 7 as never }),
    ],
    ['"scopeId" expected', () => new Endpoint(ADDRESS, 5, { scopeId: -1 })],
    ['"scopeId" expected', () => new Endpoint(ADDRESS, 5, { scopeId: Number.NaN })],
    ['"sourceInterface" expected', () => new Endpoint(ADDRESS, 5, { sourceInterface: 0.5 })],
    ['"sourceAddress" expected', () => new Endpoint(ADDRESS, 5, { sourceAddress: 'x' as never })],
  ])('throws %s', (message, make) => {
    expect(make).toThrow(message);
  });
});
