import { readFileSync } from 'node:fs';
import { describeWith } from '@litz/testkit';
import { describe, expect, test } from 'vitest';
import { timespecMs } from '../src/clock.ts';
import { boottimeMs } from '../src/index.ts';
import { linuxCalls } from './requirements.ts';

describe('timespecMs', () => {
  test('adds seconds of 64 bits and nanoseconds', () => {
    const view = new DataView(new ArrayBuffer(24));
    view.setBigUint64(8, 2n ** 33n + 5n, true);
    view.setBigUint64(16, 250_500_000n, true);

    expect(timespecMs(view, 8)).toBe((2 ** 33 + 5) * 1000 + 250.5);
  });
});

describeWith([linuxCalls], 'boottimeMs', () => {
  test("returns the kernel's time since boot", () => {
    const before = uptimeMs();
    const now = boottimeMs();
    const after = uptimeMs();

    // /proc/uptime is cut to hundredths of a second.
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThanOrEqual(after + 10);
  });

  test('never goes back', () => {
    let last = 0;
    for (let i = 0; i < 1000; i++) {
      const now = boottimeMs();
      expect(now).toBeGreaterThanOrEqual(last);
      last = now;
    }
  });
});

function uptimeMs(): number {
  return Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000;
}
