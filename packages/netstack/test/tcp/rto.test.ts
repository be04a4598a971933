import { describe, expect, test } from 'vitest';
import { RtoEstimator } from '../../src/tcp/rto.ts';

describe('RtoEstimator', () => {
  test('begins with one second, and follows RFC 6298 2', () => {
    const rto = new RtoEstimator();
    expect(rto.timeout).toBe(1000);
    rto.sample(400, 0);
    expect([rto.smoothed, rto.variation, rto.timeout]).toEqual([400, 200, 1200]);
    rto.sample(400, 0);
    expect([rto.smoothed, rto.variation, rto.timeout]).toEqual([400, 150, 1000]);
    rto.sample(800, 0);
    expect([rto.smoothed, rto.variation, rto.timeout]).toEqual([450, 212.5, 1300]);
  });

  test('is at least 200 ms longer than the round trip, and at most a minute', () => {
    const rto = new RtoEstimator();
    for (let i = 0; i < 200; i++) rto.sample(10, i);
    expect(rto.timeout).toBeCloseTo(210, 6);
    rto.backoff = 3;
    expect(rto.timeout).toBeCloseTo(1680, 5);
    rto.backoff = 500;
    expect(rto.timeout).toBe(60_000);
    rto.sample(10, 0);
    expect(rto.backoff).toBe(0);
  });

  test('remembers the shortest round trip of five minutes', () => {
    const rto = new RtoEstimator();
    rto.sample(10, 0);
    rto.sample(50, 1000);
    expect(rto.least).toBe(10);
    rto.sample(50, 300_001);
    expect(rto.least).toBe(50);
  });

  test('waits three seconds after a lost SYN (RFC 6298 5.7)', () => {
    const rto = new RtoEstimator();
    rto.afterLostSyn();
    expect(rto.timeout).toBe(3000);
  });
});
