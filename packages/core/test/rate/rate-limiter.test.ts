import { describe, expect, it } from 'vitest';
import { RateLimiter } from '../../src/rate/rate-limiter.ts';
import { Endpoint } from '../../src/endpoint.ts';

describe('RateLimiter', () => {
  it('allows 5 at once, then 20 per second', () => {
    const limiter = new RateLimiter();
    expect(allowed(limiter, v4(1), 0, 100)).toBe(5);
    expect(allowed(limiter, v4(1), 49, 1)).toBe(0);
    expect(allowed(limiter, v4(1), 50, 10)).toBe(1);
    let count = 0;
    for (let now = 51; now <= 1050; now++) count += allowed(limiter, v4(1), now, 3);
    expect(count).toBe(20);
  });

  it('allows 5 at once again after 250 ms without messages, and never more', () => {
    const limiter = new RateLimiter();
    expect(allowed(limiter, v4(1), 0, 100)).toBe(5);
    expect(allowed(limiter, v4(1), 250, 100)).toBe(5);
    expect(allowed(limiter, v4(1), 100_000, 100)).toBe(5);
  });

  it('has one bucket for each IPv4 address, for all its ports', () => {
    const limiter = new RateLimiter();
    expect(allowed(limiter, v4(1, 1000), 0, 100)).toBe(5);
    expect(allowed(limiter, v4(1, 2000), 0, 100)).toBe(0);
    expect(allowed(limiter, v4(2), 0, 100)).toBe(5);
    expect(allowed(limiter, v4(129), 0, 100)).toBe(5);
  });

  it('has one bucket for each IPv6 /64, for all interface identifiers', () => {
    const limiter = new RateLimiter();
    expect(allowed(limiter, v6(1, 1), 0, 100)).toBe(5);
    expect(allowed(limiter, v6(1, 2), 0, 100)).toBe(0);
    expect(allowed(limiter, v6(2, 1), 0, 100)).toBe(5);
    expect(allowed(limiter, new Endpoint(new Uint8Array(16), 1), 0, 100)).toBe(5);
    expect(allowed(limiter, new Endpoint(new Uint8Array(4), 1), 0, 100)).toBe(5);
  });

  it('forgets sources that were idle for a second', () => {
    const limiter = new RateLimiter();
    for (let host = 0; host < 200; host++) limiter.allow(v4(host), 0);
    expect(limiter.size).toBe(200);
    limiter.allow(v4(250), 999);
    expect(limiter.size).toBe(201);
    limiter.allow(v4(250), 1000);
    // Each call forgets only a few sources, so that no call takes long.
    expect(limiter.size).toBe(197);
    for (let i = 0; i < 60; i++) limiter.allow(v4(250), 1000 + i);
    expect(limiter.size).toBe(1);
  });

  it('keeps an active source while other sources come and go', () => {
    const limiter = new RateLimiter({ maxSources: 10 });
    expect(allowed(limiter, v4(1), 0, 5)).toBe(5);
    for (let host = 2; host < 250; host++) {
      limiter.allow(v4(host), 0);
      expect(limiter.allow(v4(1), 0)).toBe(false);
    }
  });

  it('has a bounded size, and still allows a new source after very many other sources', () => {
    const limiter = new RateLimiter({ maxSources: 100 });
    for (let prefix = 0; prefix < 10_000; prefix++) {
      expect(limiter.allow(v6(prefix, 1), 0)).toBe(true);
      expect(limiter.size).toBeLessThanOrEqual(100);
    }
    expect(allowed(limiter, v4(1), 0, 100)).toBe(5);
  });

  it('remembers 65,536 sources by default', () => {
    const limiter = new RateLimiter();
    for (let prefix = 0; prefix < 70_000; prefix++) limiter.allow(v6(prefix, 1), 0);
    expect(limiter.size).toBe(65_536);
  });
});

function allowed(limiter: RateLimiter, source: Endpoint, now: number, tries: number): number {
  let count = 0;
  for (let i = 0; i < tries; i++) if (limiter.allow(source, now)) count++;
  return count;
}

function v4(host: number, port = 51820): Endpoint {
  return new Endpoint(Uint8Array.of(192, 0, 2, host), port);
}

function v6(prefix: number, host: number): Endpoint {
  const address = Uint8Array.of(0x20, 1, 0xd, 0xb8, ...new Uint8Array(11), host);
  new DataView(address.buffer).setUint32(4, prefix);
  return new Endpoint(address, 51820);
}
