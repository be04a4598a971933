import { describe, expect, it } from 'vitest';
import { DROP_REASONS, DropCounters } from '../src/drop-reason.ts';

describe('DROP_REASONS', () => {
  it('names each reason once', () => {
    expect(new Set(DROP_REASONS).size).toBe(DROP_REASONS.length);
  });
});

describe('DropCounters', () => {
  it('begins with nothing counted', () => {
    const counters = new DropCounters();
    expect(counters.toJSON()).toEqual({});
    for (const reason of DROP_REASONS) expect(counters.count(reason)).toBe(0);
  });

  it('counts each reason by itself, one or more at a time', () => {
    const counters = new DropCounters();
    DROP_REASONS.forEach((reason, i) => {
      counters.add(reason);
      counters.add(reason, i);
    });
    DROP_REASONS.forEach((reason, i) => expect(counters.count(reason)).toBe(1 + i));
    expect(counters.toJSON()).toEqual(
      Object.fromEntries(DROP_REASONS.map((reason, i) => [reason, 1 + i])),
    );
  });

  it('tells what occurred and nothing else, in an object of its own', () => {
    const counters = new DropCounters();
    counters.add('invalid-tag', 2);
    counters.add('no-peer', 0);
    const told = counters.toJSON();
    expect(told).toEqual({ 'invalid-tag': 2 });
    told['invalid-tag'] = 5;
    expect(counters.count('invalid-tag')).toBe(2);
  });
});
