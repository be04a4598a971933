import { describe, expect, test } from 'vitest';
import { DropCounters } from '../src/drop-reason.ts';

describe('DropCounters', () => {
  test('counts each reason, and prints those that happened', () => {
    const counters = new DropCounters();
    counters.count('not-ours');
    counters.count('not-ours');
    expect([counters.of('not-ours'), counters.of('malformed-ip')]).toEqual([2, 0]);
    expect(JSON.stringify(counters)).toBe('{"not-ours":2}');
  });
});
