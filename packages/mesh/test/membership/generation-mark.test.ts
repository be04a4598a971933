/**
 * Tests how a node notices that the keys in a record are outdated.
 *
 * @module
 */
import { describe, expect, test } from 'vitest';
import { isStale, markOf } from '../../src/membership/generation-mark.ts';
import type { NodeKey } from '../../src/record/node-record.ts';
import { keyOf } from '../records.ts';

describe('isStale', () => {
  test.each<[string, NodeKey[], NodeKey[], boolean]>([
    ['the same keys', [key(3)], [key(3)], false],
    ['a rotation that begins', [key(3)], [key(3), key(4)], false],
    ['a rotation that ends', [key(3), key(4)], [key(4)], false],
    ['a list from before a rotation that has ended', [key(4)], [key(3)], true],
    ['a list from the time of a rotation that has ended', [key(4)], [key(3), key(4)], true],
    ['a list from before a rotation that is in progress', [key(3), key(4)], [key(3)], true],
    ['a node that lost everything', [key(7)], [key(1, 900)], false],
    ['a format without generations', [key(0, 0)], [key(0, 0)], false],
  ])('decides whether the keys are outdated: %s', (_what, before, now, expected) => {
    expect(isStale(now, markOf(before))).toBe(expected);
  });
});

describe('markOf', () => {
  test('contains the oldest and the newest generation, and when the newest key was created', () => {
    expect(markOf([key(3), key(4)])).toEqual({ oldest: 3, newest: 4, createdAt: 104 });
  });
});

function key(generation: number, createdAt = 100 + generation): NodeKey {
  return { publicKey: keyOf(generation), generation, createdAt };
}
