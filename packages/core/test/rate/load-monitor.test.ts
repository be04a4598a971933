import { describe, expect, it } from 'vitest';
import { LoadMonitor } from '../../src/rate/load-monitor.ts';

describe('LoadMonitor', () => {
  it('is under load from the first message above the threshold until one second after the last message above it', () => {
    const load = new LoadMonitor(10);
    for (let i = 0; i < 10; i++) expect(load.note(1000)).toBe(false);
    expect(load.note(1000)).toBe(true);
    // There are tokens again, but the load lasts for a second.
    expect(load.note(1999)).toBe(true);
    expect(load.note(2000)).toBe(false);
  });

  it('is never under load while the rate stays below the threshold', () => {
    const load = new LoadMonitor(10);
    for (let now = 0; now < 100_000; now += 101) expect(load.note(now)).toBe(false);
  });

  it('survives a clock that goes back', () => {
    const load = new LoadMonitor(2);
    load.note(5000);
    expect(load.note(1000)).toBe(false);
    expect(load.note(1000)).toBe(true);
  });
});
