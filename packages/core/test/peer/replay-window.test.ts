import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StateReader } from '../../src/hand-over/state-reader.ts';
import { StateWriter } from '../../src/hand-over/state-writer.ts';
import { ReplayWindow } from '../../src/peer/replay-window.ts';
import { SlowReplayWindow } from './slow-replay-window.ts';

const RUNS = Number(process.env['FC_NUM_RUNS'] ?? 300);
const LAST = 2 ** 53 - 1;
const tableUrl = new URL('../../../../test-vectors/tables/replay-window.json', import.meta.url);
const { tests } = JSON.parse(readFileSync(tableUrl, 'utf8')) as {
  tests: { name: string; steps: { counter: number; accepted: boolean }[] }[];
};

describe('ReplayWindow', () => {
  it('accepts each counter once', () => {
    const window = new ReplayWindow();
    expect([0, 0, 1, 1, 9, 8, 8, 0].map((counter) => window.accept(counter))).toEqual([
      true,
      false,
      true,
      false,
      true,
      true,
      false,
      false,
    ]);
  });

  it('has received nothing at first: 0 and 1 are new', () => {
    for (const counter of [0, 1]) expect(new ReplayWindow().check(counter)).toBe(true);
  });

  it('does not mark a counter that is only checked', () => {
    const window = new ReplayWindow();
    expect([window.check(5), window.check(5), window.accept(5), window.check(5)]).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });

  it('accepts counters up to 8128 behind the greatest', () => {
    const window = new ReplayWindow();
    window.accept(20_000);
    expect(window.check(20_000 - 8129)).toBe(false);
    expect(window.accept(20_000 - 8129)).toBe(false);
    expect(window.check(20_000 - 8128)).toBe(true);
    expect(window.accept(20_000 - 8128)).toBe(true);
    expect(window.accept(20_000 - 8128)).toBe(false);
  });

  it('accepts a whole window in reverse order', () => {
    const window = new ReplayWindow();
    for (let counter = 8128; counter >= 0; counter--) expect(window.accept(counter)).toBe(true);
    for (let counter = 8128; counter >= 0; counter--) expect(window.accept(counter)).toBe(false);
  });

  it('forgets everything when the counter jumps by more than the window', () => {
    const window = new ReplayWindow();
    for (let counter = 0; counter < 100; counter++) window.accept(counter);
    expect(window.accept(2 ** 40)).toBe(true);
    expect(window.accept(2 ** 40 - 8128)).toBe(true);
    expect(window.accept(99)).toBe(false);
  });

  it('works up to the greatest safe integer', () => {
    const window = new ReplayWindow();
    expect(window.accept(LAST)).toBe(true);
    expect(window.accept(LAST)).toBe(false);
    expect(window.accept(LAST - 8128)).toBe(true);
    expect(window.accept(LAST - 8129)).toBe(false);
  });

  it.each(tests)('agrees with the table: $name', ({ steps }) => {
    const window = new ReplayWindow();
    const taken = steps.map(({ counter }) => ({ counter, accepted: window.accept(counter) }));
    expect(taken).toEqual(steps);
  });

  it('agrees with SlowReplayWindow for any counters', () => {
    const step = fc.oneof(fc.integer({ min: -40, max: 40 }), fc.integer({ min: -9000, max: 9000 }));
    fc.assert(
      fc.property(start(), fc.array(step, { maxLength: 200, size: 'max' }), (from, steps) => {
        const fast = new ReplayWindow();
        const slow = new SlowReplayWindow();
        let counter = from;
        for (const by of steps) {
          counter = Math.min(Math.max(counter + by, 0), LAST);
          expect(fast.check(counter)).toBe(slow.check(counter));
          expect(fast.accept(counter)).toBe(slow.accept(counter));
        }
      }),
      { numRuns: RUNS },
    );
  });
});

describe('a window that is handed over', () => {
  it('knows which counters were received', () => {
    const window = new ReplayWindow();
    for (const counter of [3000, 3001, 9000]) window.accept(counter);
    const { copy } = handOver(window);
    const refused = [3000, 3001, 9000].map((counter) => copy.accept(counter));
    expect(refused).toEqual([false, false, false]);
    const others = [3002, 8999, 9001, 808].map((counter) => copy.accept(counter));
    expect(others).toEqual([true, true, true, false]);
    // The window that was saved has not changed.
    expect([3001, 9000, 3002].map((counter) => window.accept(counter))).toEqual([
      false,
      false,
      true,
    ]);
  });

  it('takes a few bytes if nothing was received', () => {
    const { copy, length } = handOver(new ReplayWindow());
    expect(length).toBeLessThan(20);
    expect([copy.accept(0), copy.accept(0)]).toEqual([true, false]);
  });
});

function handOver(window: ReplayWindow): { copy: ReplayWindow; length: number } {
  const writer = new StateWriter();
  window.code(writer);
  const bytes = writer.written.slice();
  const copy = new ReplayWindow();
  const reader = new StateReader(bytes);
  copy.code(reader);
  expect(reader.isAtEnd).toBe(true);
  return { copy, length: bytes.length };
}

/**
 * Counters to begin with: near the limits of 32-bit numbers and of safe integers, and any others.
 */
function start(): fc.Arbitrary<number> {
  return fc.oneof(
    fc.constantFrom(0, 8192, 2 ** 31, 2 ** 32, 2 ** 40, LAST - 20_000),
    fc.nat(100_000),
    fc.maxSafeNat(),
  );
}
