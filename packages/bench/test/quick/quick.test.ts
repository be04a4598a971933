import { describe, expect, it } from 'vitest';
import { brokenMeasurements } from '../../src/quick/broken.ts';
import { runQuick, type QuickPart } from '../../src/quick/quick.ts';
import type { Measurement } from '../../src/results/result.ts';

describe('brokenMeasurements', () => {
  it('accepts slow values', () => {
    expect(brokenMeasurements([of(1e12, 'ns'), of(0.001, 'Mbit/s'), of(0, '%')])).toEqual([]);
  });

  it('accepts a missing value only with a reason', () => {
    expect(brokenMeasurements([{ ...of(null, 'ns'), note: 'not here' }])).toEqual([]);
    expect(brokenMeasurements([of(null, 'ns')])).toEqual([
      'x, litz: no value, and no reason for it ns',
    ]);
  });

  it.each([
    [NaN, '%'],
    [Infinity, '1/s'],
    [0, 'ns'],
    [-1, 'Mbit/s'],
  ])('treats %d %s as broken', (value, unit) => {
    expect(brokenMeasurements([of(value, unit)])).toEqual([`x, litz: got ${value} ${unit}`]);
  });

  it('checks each sample', () => {
    const measurement = { ...of(5, 'Mbit/s'), samples: [5, 0, 6] };
    expect(brokenMeasurements([measurement])).toEqual(['x, litz: got 0 Mbit/s']);
  });

  it('treats a run without results as broken', () => {
    expect(brokenMeasurements([])).toEqual(['nothing was measured']);
  });
});

describe('runQuick', () => {
  it('continues after a part that fails, and reports all parts', async () => {
    const parts: QuickPart[] = [
      { name: 'one', run: () => Promise.reject(new Error('another result')) },
      part('two', { measurements: [of(0, 'ns')] }),
      part('three', { measurements: [of(1, 'ns')], failed: ['litz: has ended'] }),
    ];
    expect(await runQuick(parts, () => {})).toEqual({
      broken: ['one: another result', 'two: x, litz: got 0 ns', 'three: litz: has ended'],
      skipped: [],
    });
  });

  it('does not report a missing program as broken', async () => {
    const parts = [part('peers', { measurements: [], skipped: ['litz: no right'] })];
    expect(await runQuick(parts, () => {})).toEqual({
      broken: [],
      skipped: ['peers: litz: no right'],
    });
  });
});

function part(name: string, outcome: Awaited<ReturnType<QuickPart['run']>>): QuickPart {
  return { name, run: () => Promise.resolve(outcome) };
}

function of(value: number | null, unit: string): Measurement {
  return { figure: 'x', subject: 'litz', unit, value };
}
