import { describe, expect, test } from 'vitest';
import { Cubic } from '../../src/tcp/cubic.ts';

const SIZE = 1000;

describe('Cubic', () => {
  test('reduces the window to 0.7, and has the former window again after K (RFC 9438 4.2)', () => {
    const cubic = congested(1000);
    expect(cubic.threshold).toBe(700 * SIZE);
    // K = cbrt(W_max (1 - 0.7) / 0.4)
    const k = Math.cbrt((1000 * 0.3) / 0.4);
    const roundTrip = 100;
    const windows = drive(cubic, k * 1000, roundTrip);
    expect(cubic.window / SIZE).toBeGreaterThan(975);
    expect(cubic.window / SIZE).toBeLessThan(1010);
    // Concave: it grows fast at first, and slowly near the former window.
    const growth = (from: number): number => windows[from + 5] - windows[from];
    expect(growth(0)).toBeGreaterThan(4 * growth(windows.length - 7));
    drive(cubic, 8000, roundTrip, k * 1000);
    expect(cubic.window / SIZE).toBeGreaterThan(1150);
  });

  test('limits the growth of the window in a round trip (RFC 9438 4.4)', () => {
    const cubic = congested(10);
    drive(cubic, 20_000, 100);
    const before = cubic.window;
    drive(cubic, 100, 100, 100_000);
    expect(cubic.window / before).toBeLessThanOrEqual(1.6);
  });

  test('is as fast as Reno where the round trip is short (RFC 9438 4.3)', () => {
    const cubic = congested(20);
    // In 200 round trips of 1 ms the curve hardly grows. But W_est, the window that Reno would
    // have, grows by half a segment in each round trip.
    drive(cubic, 200, 1);
    expect(cubic.window / SIZE).toBeGreaterThan(100);
  });

  test('leaves more of the path to others when the window shrinks twice (RFC 9438 4.7)', () => {
    const cubic = congested(1000);
    cubic.window = 800 * SIZE;
    cubic.onCongestion(cubic.window);
    cubic.window = cubic.threshold;
    // The plateau is at 680 = 800 (1 + 0.7) / 2 segments, and not at 800.
    drive(cubic, Math.cbrt((680 - 560) / 0.4) * 1000, 100);
    expect(cubic.window / SIZE).toBeGreaterThan(660);
    expect(cubic.window / SIZE).toBeLessThan(690);
  });

  test('goes on with one segment after a timeout', () => {
    const cubic = congested(100);
    cubic.onTimeout(100 * SIZE);
    expect([cubic.window, cubic.threshold]).toEqual([SIZE, 70 * SIZE]);
  });
});

/** Returns a `Cubic` after congestion at a window of this many segments. */
function congested(segments: number): Cubic {
  const cubic = new Cubic(SIZE);
  cubic.window = segments * SIZE;
  cubic.onCongestion(cubic.window);
  cubic.window = cubic.threshold;
  return cubic;
}

/** Acknowledges a whole window in each round trip. Returns the windows. */
function drive(cubic: Cubic, ms: number, roundTrip: number, start = 0): number[] {
  const windows: number[] = [];
  for (let now = start; now < start + ms; now += roundTrip) {
    const segments = Math.round(cubic.window / SIZE);
    for (let i = 0; i < segments; i++) cubic.onAcknowledged(SIZE, now, roundTrip);
    windows.push(cubic.window / SIZE);
  }
  return windows;
}
