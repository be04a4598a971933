import { describe, expect, test } from 'vitest';
import { DecorrelatedJitter } from '../../src/registry/decorrelated-jitter.ts';

describe('DecorrelatedJitter', () => {
  test('waits between the base and three times the last wait', () => {
    const draws = [0, 0.999, 0.5, 0];
    const jitter = new DecorrelatedJitter({ base: 100, cap: 10_000, random: () => draws.shift()! });
    expect(jitter.next()).toBe(100);
    expect(jitter.next()).toBeCloseTo(299.8);
    expect(jitter.next()).toBeCloseTo(499.7);
    expect(jitter.next()).toBe(100);
  });

  test('never waits longer than the cap', () => {
    const jitter = new DecorrelatedJitter({ base: 100, cap: 1000, random: () => 0.999 });
    for (let i = 0; i < 20; i++) expect(jitter.next()).toBeLessThanOrEqual(1000);
    expect(jitter.next()).toBe(1000);
  });

  test('starts again with a short wait after a success', () => {
    const jitter = new DecorrelatedJitter({ base: 100, cap: 10_000, random: () => 0.999 });
    for (let i = 0; i < 5; i++) jitter.next();
    jitter.reset();
    expect(jitter.next()).toBeLessThan(300);
  });
});
