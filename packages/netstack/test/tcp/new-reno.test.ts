import { describe, expect, test } from 'vitest';
import { NewReno } from '../../src/tcp/new-reno.ts';

describe('NewReno', () => {
  test('doubles in slow start, then grows by one segment in each round trip (RFC 5681 3.1)', () => {
    const reno = new NewReno(1000);
    expect(reno.window).toBe(10_000);
    reno.onAcknowledged(10_000);
    expect(reno.window).toBe(20_000);
    reno.threshold = 24_000;
    reno.onAcknowledged(20_000);
    expect(reno.window).toBe(24_000);
    reno.onAcknowledged(8000);
    expect(reno.window).toBe(25_000);
    for (let i = 0; i < 10; i++) reno.onAcknowledged(2500);
    expect(reno.window).toBe(26_000);
  });

  test('sets the threshold to half of the data on the way, but at least to two segments', () => {
    const reno = new NewReno(1000);
    reno.onCongestion(30_000);
    expect([reno.threshold, reno.window]).toEqual([15_000, 10_000]);
    reno.onTimeout(1000);
    expect([reno.threshold, reno.window]).toEqual([2000, 1000]);
  });

  test('begins with the initial window again after a pause', () => {
    const reno = new NewReno(1000);
    reno.onAcknowledged(50_000);
    reno.onIdle();
    expect(reno.window).toBe(10_000);
  });
});
