import { describe, expect, it } from 'vitest';
import { RateSearch } from '../../src/ends/rate-search.ts';

/**
 * Runs a search to its end. `takes` returns how much of an offered rate the receiver takes. Returns
 * the highest rate that was taken.
 */
function searched(search: RateSearch, takes: (offered: number) => number): number {
  let best = 0;
  while (!search.isOver) {
    const taken = takes(search.perMs);
    best = Math.max(best, taken);
    search.add(search.perMs, taken);
  }
  return best;
}

describe('RateSearch', () => {
  it('raises the rate until packets are lost and a higher rate brings no more', () => {
    const search = new RateSearch(100);
    expect(searched(search, (offered) => Math.min(offered, 480))).toBe(480);
    expect(search.isFound).toBe(true);
  });

  it('ends after three trials if the first rate is too high; the last trial offers a tenth more than the highest rate that was taken', () => {
    const search = new RateSearch(800);
    const offered: number[] = [];
    searched(search, (rate) => (offered.push(rate), Math.min(rate, 480)));
    expect(offered.map(Math.round)).toEqual([800, 920, 528]);
  });

  it('does not end because of one trial with losses', () => {
    const search = new RateSearch(100);
    let trials = 0;
    expect(searched(search, (rate) => (++trials === 2 ? 60 : Math.min(rate, 480)))).toBe(480);
  });

  it('finds the limit of a receiver that takes less when it is overloaded', () => {
    const search = new RateSearch(300);
    const best = searched(search, (rate) => (rate <= 480 ? rate : 200));
    expect(best).toBeGreaterThan(400);
    expect(search.isFound).toBe(true);
  });

  it('says that the limit was not found if everything is taken', () => {
    const search = new RateSearch(20);
    searched(search, (rate) => rate);
    expect(search.isOver).toBe(true);
    expect(search.isFound).toBe(false);
  });
});
