import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Endpoint } from '../../src/endpoint.ts';
import { formatEndpoint, parseEndpoint, tryParseEndpoint } from '../../src/text/endpoint.ts';

const RUNS = Number(process.env['FC_NUM_RUNS'] ?? 300);

describe('parseEndpoint', () => {
  it('reads IPv4 and IPv6 with a port', () => {
    expect(parseEndpoint('192.0.2.1:51820')).toEqual(
      new Endpoint(Uint8Array.of(192, 0, 2, 1), 51820),
    );
    expect(parseEndpoint('[::1]:1')).toEqual(
      new Endpoint(Uint8Array.of(...Array(15).fill(0), 1), 1),
    );
  });

  it('reads the number of an interface', () => {
    expect(parseEndpoint('[fe80::1%7]:51820')).toMatchObject({ scopeId: 7, port: 51820 });
  });

  it.each(['[fe80::1%eth0]:51820', '[ff02::1%wan.7]:1', '[febf::%a-b_c@d]:1'])(
    'keeps the name of an interface, which formatEndpoint writes again: %s',
    (text) => {
      const endpoint = parseEndpoint(text) as Endpoint;
      expect(endpoint).toBeInstanceOf(Endpoint);
      expect(endpoint).toMatchObject({ zone: /%(.*)]/.exec(text)![1], scopeId: 0 });
      expect(formatEndpoint(endpoint)).toBe(text);
    },
  );

  it('turns an IPv4-mapped address into the IPv4 address', () => {
    for (const text of ['[::ffff:192.0.2.1]:7', '[::ffff:c000:201]:7', '[::ffff:192.0.2.1%3]:7']) {
      expect(parseEndpoint(text)).toEqual(new Endpoint(Uint8Array.of(192, 0, 2, 1), 7));
      expect(formatEndpoint(parseEndpoint(text))).toBe('192.0.2.1:7');
    }
  });

  it('keeps a host name', () => {
    expect(parseEndpoint('vpn.example.org:51820')).toEqual({
      host: 'vpn.example.org',
      port: 51820,
    });
  });

  it.each([
    '',
    ':51820',
    '192.0.2.1',
    '192.0.2.1:',
    '192.0.2.1:0',
    '192.0.2.1:65536',
    '192.0.2.1:-1',
    '192.0.2.1:51820 ',
    '192.0.2:51820',
    '300.1.1.1:51820',
    '::1:51820',
    '[::1]',
    '[::1]51820',
    '[192.0.2.1]:51820',
    '[vpn.example.org]:51820',
    '[fe80::1%]:51820',
    '[fe80::1%a/b]:51820',
    '[fe80::1%..]:51820',
    '[fe80::1%sixteen-letters-]:51820',
    '[fe80::1%4294967296]:51820',
    '[fe80::1%eth0%eth1]:51820',
    '[2001:db8::1%eth0]:51820',
    '192.0.2.1%eth0:51820',
    '[fe80::1]:0',
    '[fe80::1]:+1',
    '[fe80::1]: 1',
    '[fe80::1]:0x1',
    'a b:51820',
    '-a:51820',
  ])('refuses "%s"', (text) => {
    expect(() => parseEndpoint(text)).toThrow(
      expect.objectContaining({ code: 'ERR_LITZ_INVALID_ENDPOINT' }),
    );
  });

  it('reads what formatEndpoint writes for any accepted text', () => {
    const host = fc.oneof(
      fc.ipV4(),
      fc.ipV6().map((ip) => `[${ip}]`),
      fc.ipV6().map((ip) => `[${ip}%3]`),
      fc.domain(),
      fc.string(),
    );
    const text = fc.oneof(
      fc.string(),
      fc.tuple(host, fc.nat(70_000)).map(([name, port]) => `${name}:${port}`),
    );
    fc.assert(
      fc.property(text, (input) => {
        const endpoint = tryParseEndpoint(input);
        expect(endpoint && parseEndpoint(formatEndpoint(endpoint))).toEqual(endpoint);
      }),
      { numRuns: RUNS },
    );
  });
});

describe('formatEndpoint', () => {
  it('writes only texts that parseEndpoint reads', () => {
    for (const wrong of [
      { host: 'a\nPostUp = b', port: 1 },
      { host: 'a', port: 0 },
      { host: 'a', port: 65_536 },
      { host: 'a', port: '1' },
      { host: 5, port: 1 },
      {},
      null,
      '192.0.2.1:1',
    ]) {
      expect(() => formatEndpoint(wrong as never)).toThrow('expected an address or a name');
    }
    expect(formatEndpoint({ host: 'vpn.example.org', port: 1 })).toBe('vpn.example.org:1');
  });
});

describe('a value that is not an endpoint', () => {
  it('is refused with an error that names the expected format', () => {
    expect(() => parseEndpoint('nowhere')).toThrow(
      'expected ADDRESS:PORT, [IPV6]:PORT or HOST:PORT, got "nowhere"',
    );
    for (const other of [undefined, null, 5, ['a:1']]) {
      expect(tryParseEndpoint(other as never)).toBeUndefined();
    }
    for (const text of ['80', '[::1:80', '[::1]x:80', '::1:80', '1.2.3:80', 'a:0']) {
      expect(tryParseEndpoint(text)).toBeUndefined();
    }
  });

  it('is refused by formatEndpoint with an error that shows it', () => {
    expect(refusalOf({ host: '-', port: 5 })).toMatchObject({
      code: 'ERR_LITZ_INVALID_ENDPOINT',
      message: 'expected an address or a name, and a port, got "-:5"',
    });
    expect(refusalOf({ host: 'x::y', port: 5 })).toMatchObject({
      message: 'expected an address or a name, and a port, got "[x::y]:5"',
    });
    expect(refusalOf({ host: 7, port: 5 })).toMatchObject({
      message: 'expected an address or a name, and a port as text, got number',
    });
    expect(formatEndpoint({ host: '::1', port: 5 })).toBe('[::1]:5');
  });

  it('can have a host name that is too long, has only digits, or begins or ends with a hyphen', () => {
    const name = `${'a'.repeat(63)}.`.repeat(4).slice(0, 253);
    expect(tryParseEndpoint(`${name}:1`)).toEqual({ host: name, port: 1 });
    expect(tryParseEndpoint(`${name}a:1`)).toBeUndefined();
    for (const host of ['a', '1a', 'a1', 'a.1', '1.a', 'a-b', 'a.']) {
      expect(tryParseEndpoint(`${host}:1`)).toEqual({ host, port: 1 });
    }
    for (const host of ['1', '1.2', '-a', 'a-', 'a!', 'a b']) {
      expect(tryParseEndpoint(`${host}:1`)).toBeUndefined();
    }
  });
});

/** Returns what `formatEndpoint` throws, or the text that it returns. */
function refusalOf(endpoint: unknown): unknown {
  try {
    return formatEndpoint(endpoint as never);
  } catch (error) {
    return error;
  }
}
