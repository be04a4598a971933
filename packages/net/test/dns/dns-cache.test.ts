import { describe, expect, test } from 'vitest';
import { DnsCache } from '../../src/dns/dns-cache.ts';

describe('DnsCache', () => {
  test('keeps a value for as long as it is valid', () => {
    let now = 0;
    const cache = new DnsCache<string>(10, () => now);
    cache.keep('a', 'x', 30);
    now = 29_999;
    expect(cache.find('a')).toBe('x');
    now = 30_000;
    expect(cache.find('a')).toBeUndefined();
    expect(cache.size).toBe(0);
  });

  test('does not keep a value with a ttl of 0, and forgets every value after a day', () => {
    let now = 0;
    const cache = new DnsCache<string>(10, () => now);
    cache.keep('a', 'x', 0);
    expect(cache.find('a')).toBeUndefined();
    cache.keep('b', 'x', Infinity);
    now = 86_400_000;
    expect(cache.find('b')).toBeUndefined();
  });

  test('forgets the oldest value when it is full', () => {
    const cache = new DnsCache<number>(3, () => 0);
    for (let i = 0; i < 100; i++) cache.keep(`${i}`, i, 60);
    expect(cache.size).toBe(3);
    expect(cache.find('99')).toBe(99);
    expect(cache.find('96')).toBeUndefined();
    cache.clear();
    expect(cache.size).toBe(0);
  });
});
