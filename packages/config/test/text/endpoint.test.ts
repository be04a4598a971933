import { Endpoint } from '@litz/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatEndpoint, parseEndpoint, tryParseEndpoint } from '../../src/text/endpoint.ts';
import { RUNS } from '../keys.ts';

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

  it('keeps the name of an interface for the resolver', () => {
    expect(parseEndpoint('[fe80::1%eth0]:51820')).toEqual({ host: 'fe80::1%eth0', port: 51820 });
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
    'a b:51820',
    '-a:51820',
  ])('refuses "%s"', (text) => {
    expect(() => parseEndpoint(text)).toThrow(
      expect.objectContaining({ code: 'ERR_LITZ_INVALID_ENDPOINT' }),
    );
  });

  it('never throws anything else, and is written as it is read', () => {
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
