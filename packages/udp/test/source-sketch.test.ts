import { describe, expect, it } from 'vitest';
import { SourceSketch } from '../src/source-sketch.ts';

describe('SourceSketch', () => {
  it('marks only a source that sends many messages; the mark stays for a second or two after the last message', () => {
    const sketch = new SourceSketch();
    const isMarked = (source: number): boolean => sketch.isMarked(source, 0);
    for (let interval = 0; interval < 20; interval++) {
      sketch.note(1, 0, 3);
      if (interval % 8 === 0) sketch.note(2, 0, 1);
      sketch.endInterval();
    }
    expect([isMarked(1), isMarked(2)]).toEqual([true, false]);
    for (let interval = 0; interval < 11; interval++) sketch.endInterval();
    expect(isMarked(1)).toBe(true);
    sketch.endInterval();
    expect(isMarked(1)).toBe(false);
    expect(sketch.hasMarks).toBe(false);
  });

  it('marks few other sources in a flood from a thousand sources', () => {
    const sketch = new SourceSketch();
    for (let i = 0; i < 1000; i++) sketch.note(scattered(i), 0, 10);
    sketch.endInterval();
    let others = 0;
    for (let i = 1000; i < 11_000; i++) if (sketch.isMarked(scattered(i), 0)) others++;
    expect(others).toBeGreaterThan(100);
    expect(others).toBeLessThan(1000);
  });

  it('marks fewer than 20 of 2000 honest sources by mistake for more than five seconds', () => {
    const sketch = new SourceSketch();
    const attackers = Array.from({ length: 1000 }, (_, i) => scattered(i));
    const honest = Array.from({ length: 2000 }, (_, i) => scattered(i + 5000));
    const longest = new Map<number, number>();
    const now = new Map<number, number>();
    for (let interval = 0; interval < 400; interval++) {
      for (const source of attackers) sketch.note(source, 0, 10);
      sketch.endInterval();
      expect(attackers.filter((source) => sketch.isMarked(source, 0))).toHaveLength(1000);
      for (const source of honest) {
        const run = sketch.isMarked(source, 0) ? (now.get(source) ?? 0) + 1 : 0;
        now.set(source, run);
        longest.set(source, Math.max(run, longest.get(source) ?? 0));
      }
    }
    // 40 intervals are five seconds. A few sources also share entries in the new tables by chance.
    const fiveSeconds = [...longest.values()].filter((run) => run > 40);
    expect(fiveSeconds.length).toBeLessThan(20);
  });

  it('uses secret hashes, so that nobody can predict which sources share an entry', () => {
    const entries = Array.from({ length: 8 }, () => new SourceSketch().tables[0].hash.first);
    expect(new Set(entries).size).toBe(8);
  });
});

function scattered(i: number): number {
  return Math.imul(i, 0x85ebca6b) >>> 0;
}
