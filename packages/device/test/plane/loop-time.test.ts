import { describe, expect, test } from 'vitest';
import { LoopTime } from '../../src/plane/loop-time.ts';

describe('LoopTime', () => {
  test('adds up the turns, and keeps the longest', () => {
    const time = new LoopTime();
    time.add(10, 12);
    time.add(100, 105);
    time.add(200, 201);
    expect(time.toJSON()).toEqual({ turns: 3, busyMs: 8, longestMs: 5, isRealtime: false });
    time.isRealtime = true;
    expect(time.toJSON()).toMatchObject({ turns: 3, isRealtime: true });
  });
});
