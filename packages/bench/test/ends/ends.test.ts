import { describe, expect, it } from 'vitest';
import { excessText, samplesOf } from '../../src/ends/ends.ts';

const SHOWN = {
  packetsPerSecond: 1e6,
  offeredPerSecond: 1.25e6,
  daemonCores: 1.2,
  generatorCores: 0.5,
};

describe('excessText', () => {
  it('says when daemon and load used all cores', () => {
    expect(excessText(SHOWN, 2)).toBeUndefined();
    expect(excessText({ ...SHOWN, daemonCores: 1.5 }, 2)).toBe(
      'daemon and load used all 2 cores (1.50 + 0.50)',
    );
  });
});

describe('samplesOf', () => {
  it('returns first a rate (Mbit/s for streams, packets per second for small packets), and then shares in percent', () => {
    const stream = samplesOf('send-1420', SHOWN, 2);
    expect(stream[0]).toEqual({ figure: 'sending, MTU 1420', unit: 'Mbit/s', value: 11_360 });
    expect(stream.slice(1).map(({ unit, value }) => [unit, value])).toEqual([
      ['%', 120],
      ['%', 50],
      ['%', 80],
      // The ceiling: daemon and load use 1.7 of 2 cores.
      ['%', (2 / 1.7) * 100],
    ]);
    expect(samplesOf('receive-64', SHOWN, 2)[0]).toEqual({
      figure: 'receiving, packets of 64 B',
      unit: '1/s',
      value: 1e6,
    });
  });
});
