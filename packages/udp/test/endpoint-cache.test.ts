import { describe, expect, test } from 'vitest';
import { EndpointCache } from '../src/endpoint-cache.ts';

describe('EndpointCache', () => {
  test('returns one object for one source', () => {
    const cache = new EndpointCache(4);
    const first = lookup4(cache, [192, 0, 2, 1], 51820, [198, 51, 100, 1], 3);
    expect(first).toMatchObject({ port: 51820, sourceInterface: 3, scopeId: 0 });
    expect([...first!.address]).toEqual([192, 0, 2, 1]);
    expect([...first!.sourceAddress!]).toEqual([198, 51, 100, 1]);
    expect(lookup4(cache, [192, 0, 2, 1], 51820, [198, 51, 100, 1], 3)).toBe(first);
  });

  test('distinguishes sources by each of their parts', () => {
    const cache = new EndpointCache(4);
    const seen = new Set([
      lookup4(cache, [192, 0, 2, 1], 51820, [198, 51, 100, 1], 3),
      lookup4(cache, [192, 0, 2, 2], 51820, [198, 51, 100, 1], 3),
      lookup4(cache, [192, 0, 2, 1], 51821, [198, 51, 100, 1], 3),
      lookup4(cache, [192, 0, 2, 1], 51820, [198, 51, 100, 2], 3),
      lookup4(cache, [192, 0, 2, 1], 51820, [198, 51, 100, 1], 4),
    ]);
    expect(seen.size).toBe(5);
  });

  test('reads an IPv6 address with its scope', () => {
    const cache = new EndpointCache(6);
    const linkLocal = [0xfe, 0x80, ...Array<number>(13).fill(0), 1];
    const local = [0xfe, 0x80, ...Array<number>(13).fill(0), 2];
    const endpoint = lookup6(cache, linkLocal, 7, 5, local, 5);
    expect(endpoint).toMatchObject({ port: 7, scopeId: 5, sourceInterface: 5 });
    expect([...endpoint!.address]).toEqual(linkLocal);
    expect([...endpoint!.sourceAddress!]).toEqual(local);
    expect(lookup6(cache, linkLocal, 7, 5, local, 5)).toBe(endpoint);
    expect(lookup6(cache, linkLocal, 7, 6, local, 6)).not.toBe(endpoint);
  });

  test('returns no endpoint for port 0', () => {
    expect(lookup4(new EndpointCache(4), [192, 0, 2, 1], 0, [0, 0, 0, 0], 0)).toBeUndefined();
  });

  test('sets no sticky source if the kernel reported none', () => {
    const endpoint = lookup4(new EndpointCache(4), [192, 0, 2, 1], 9, undefined, 0);
    expect(endpoint).toMatchObject({ sourceAddress: undefined, sourceInterface: 0 });
  });

  test('returns the right endpoint when two sources use the same entry', () => {
    const cache = new EndpointCache(4);
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 5000; i++) {
        const address = [10, 0, i >> 8, i & 0xff];
        const endpoint = lookup4(cache, address, 1 + (i % 3), [10, 1, 1, 1], 2)!;
        expect([...endpoint.address, endpoint.port]).toEqual([...address, 1 + (i % 3)]);
      }
    }
  });

  test('keeps the endpoints of more than half of 500 peers with one port', () => {
    const cache = new EndpointCache(4);
    const seen = new Set<object>();
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 500; i++) {
        seen.add(lookup4(cache, [10, 0, i >> 8, i & 0xff], 51820, [10, 1, 1, 1], 2)!);
      }
    }
    expect(seen.size).toBeLessThan(750);
  });
});

type Found = ReturnType<EndpointCache['lookup']>;

function lookup4(
  cache: EndpointCache,
  address: number[],
  port: number,
  source: number[] | undefined,
  sourceInterface: number,
): Found {
  const bytes = new Uint8Array(32);
  bytes.set([2, 0, port >> 8, port & 0xff, ...address]);
  if (source) bytes.set(source, 16);
  return cache.lookup(new Uint32Array(bytes.buffer), 0, source ? 4 : -1, sourceInterface);
}

function lookup6(
  cache: EndpointCache,
  address: number[],
  port: number,
  scope: number,
  source: number[],
  sourceInterface: number,
): Found {
  const bytes = new Uint8Array(48);
  // A flow label differs from datagram to datagram and says nothing about the source.
  bytes.set([10, 0, port >> 8, port & 0xff, 1, 2, 3, scope + 4, ...address, scope, 0, 0, 0]);
  bytes.set(source, 32);
  return cache.lookup(new Uint32Array(bytes.buffer), 0, 8, sourceInterface);
}
