import { describe, expect, test } from 'vitest';
import {
  endToEndHeaders,
  valuesOf,
  withHeader,
  withoutHeader,
  withVia,
} from '../../src/proxy/http-headers.ts';

describe('endToEndHeaders', () => {
  test('removes the fields for the next hop, and the fields that Connection names', () => {
    const raw = [
      ['Host', 'a.test'],
      ['Connection', 'keep-alive, X-Hop'],
      ['x-hop', '1'],
      ['Keep-Alive', 'timeout=5'],
      ['Proxy-Authorization', 'Basic c2VjcmV0'],
      ['Proxy-Connection', 'keep-alive'],
      ['TE', 'trailers'],
      ['Transfer-Encoding', 'chunked'],
      ['Upgrade', 'h2c'],
      ['Trailer', 'X-Sum'],
      ['Cookie', 'a=1'],
      ['Cookie', 'b=2'],
    ].flat();
    expect(endToEndHeaders(raw)).toEqual([
      'Host',
      'a.test',
      'Trailer',
      'X-Sum',
      'Cookie',
      'a=1',
      'Cookie',
      'b=2',
    ]);
  });
});

describe('endToEndHeaders, if Connection names Content-Length', () => {
  test('keeps Content-Length', () => {
    const raw = ['Connection', 'content-length, x-hop', 'X-Hop', '1', 'Content-Length', '4'];
    expect(endToEndHeaders(raw)).toEqual(['Content-Length', '4']);
  });
});

describe('withHeader', () => {
  test('replaces all fields of the name', () => {
    expect(withHeader(['host', 'a', 'X', '1', 'Host', 'b'], 'Host', 'c')).toEqual([
      'Host',
      'c',
      'X',
      '1',
    ]);
  });
});

describe('withoutHeader', () => {
  test('removes all fields of the name, in any case', () => {
    expect(withoutHeader(['trailer', 'a', 'X', '1', 'Trailer', 'b'], 'Trailer')).toEqual([
      'X',
      '1',
    ]);
  });
});

describe('withVia', () => {
  test('adds this proxy after the other proxies', () => {
    const raw = withVia(['Via', '1.0 fred'], '1.1');
    expect(valuesOf(raw, 'via')).toEqual(['1.0 fred', '1.1 litz']);
  });
});
