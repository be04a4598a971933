import { describe, expect, it } from 'vitest';
import {
  chartText,
  dropCount,
  dropsText,
  perSecondText,
  roundTripText,
  shortKey,
} from '../../page/live-words.js';

describe('live-words', () => {
  it('shortens keys as the log does', () => {
    expect(shortKey('xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=')).toBe('xTIB…p8Dg');
  });

  it.each([
    [undefined, 'unknown'],
    [0.42, '0.4 ms'],
    [140, '140 ms'],
    [1500, '1.5 s'],
  ])('a round trip of %s is %s', (ms, text) => expect(roundTripText(ms)).toBe(text));

  it.each([
    [0, '0/s'],
    [0.5, '0.5/s'],
    [9999, '9999/s'],
    [12_345, '12 k/s'],
    [1_200_000, '1.2 M/s'],
  ])('%d per second is %s', (value, text) => expect(perSecondText(value)).toBe(text));

  it('writes a value with the unit of its chart', () => {
    expect(chartText('drops', 3)).toBe('3.0/s');
    expect(chartText('both', 125)).toBe('1.0 kbit/s');
  });

  it('sorts drops by their number', () => {
    const drops = { 'bad-mac1': 2, 'no-peer': 7000 };
    expect([dropsText(drops), dropCount(drops)]).toEqual(['no-peer 7,000, bad-mac1 2', 7002]);
    expect([dropsText({}), dropsText(undefined)]).toEqual(['none', 'unknown']);
  });
});
