import { describe, expect, test } from 'vitest';
import { NewReno } from '../../src/tcp/new-reno.ts';
import { SlowStart } from '../../src/tcp/slow-start.ts';

describe('SlowStart', () => {
  test('grows by all acknowledged bytes while the round trip stays the same', () => {
    const rounds = new Rounds();
    for (let i = 0; i < 10; i++) expect(rounds.round(20)).toBe(1);
    expect(rounds.congestion.threshold).toBe(Infinity);
  });

  test('grows slowly when the round trip has grown, and ends after five rounds', () => {
    const rounds = new Rounds();
    rounds.round(20);
    rounds.round(20);
    rounds.round(25);
    for (let i = 0; i < 5; i++) expect(rounds.round(26)).toBe(0.25);
    expect(rounds.congestion.threshold).toBe(rounds.congestion.window);
  });

  test('goes on when the round trip was long only once', () => {
    const rounds = new Rounds();
    rounds.round(20);
    rounds.round(20);
    rounds.round(30);
    rounds.round(20);
    expect([rounds.round(20), rounds.congestion.threshold]).toEqual([1, Infinity]);
  });

  // The least growth is an eighth of the round trip, but not below 4 ms and not above 16 ms.
  test('grows slowly only if eight samples of a round have the least growth, 4 to 16 ms', () => {
    for (const [before, after, samples, share] of [
      [20, 23.9, 10, 1],
      [20, 24, 10, 0.25],
      [20, 24, 7, 1],
      [400, 415, 10, 1],
      [400, 416, 10, 0.25],
    ]) {
      const rounds = new Rounds();
      rounds.round(before);
      rounds.round(after, samples);
      expect(rounds.round(after, samples)).toBe(share);
    }
  });
});

class Rounds {
  readonly congestion = new NewReno(1000);
  readonly #slowStart = new SlowStart();
  #sequence = 0;

  /**
   * Runs a round of ten segments. Returns by how much the window may grow for the last segment, as
   * a share of that segment.
   */
  round(roundTrip: number, samples = 10): number {
    const end = this.#sequence + 10_000;
    let growth = 0;
    for (let i = 1; i <= 10; i++) {
      this.#sequence += 1000;
      if (i <= samples) this.#slowStart.sample(roundTrip);
      growth = this.#slowStart.growth(this.congestion, 1000, this.#sequence, end + i * 1000);
    }
    this.#sequence = end;
    return growth / 1000;
  }
}
