import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { waitForEnd } from '../../src/upgrade/wait-for-end.ts';

const MINUTE_MS = 60_000;

let end: AbortController;
let lines: string[];
let isOver: boolean;

beforeEach(() => {
  vi.useFakeTimers();
  end = new AbortController();
  lines = [];
  isOver = false;
  void waitForEnd('wg0', end.signal, (line) => lines.push(line)).then(() => (isOver = true));
});
afterEach(() => {
  vi.useRealTimers();
});

describe('waitForEnd', () => {
  it('says that it waits, and ends at a signal', async () => {
    await vi.advanceTimersByTimeAsync(MINUTE_MS);
    expect(lines).toEqual(['another process has taken wg0 over; this one only waits for its end']);
    expect(isOver).toBe(false);
    end.abort();
    await vi.advanceTimersByTimeAsync(0);
    expect(isOver).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
    expect(lines).toHaveLength(1);
  });

  it('ends by itself after five minutes without a signal, and says so', async () => {
    await vi.advanceTimersByTimeAsync(5 * MINUTE_MS - 1);
    expect(isOver).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(isOver).toBe(true);
    expect(lines[1]).toBe('nobody has ended this process for 5 minutes, so it ends by itself');
  });
});
