import { describe, expect, it } from 'vitest';
import { SourceSketch } from '../src/source-sketch.ts';

describe('SourceSketch', () => {
  it('marks who sends many, for five seconds, and nobody who sends few', () => {
    const sketch = new SourceSketch();
    const isMarked = (source: number): boolean => sketch.isMarked(source, 0);
    for (let interval = 0; interval < 20; interval++) {
      sketch.note(1, 0, 3);
      if (interval % 8 === 0) sketch.note(2, 0, 1);
      sketch.settle();
    }
    expect([isMarked(1), isMarked(2)]).toEqual([true, false]);
    for (let interval = 0; interval < 39; interval++) sketch.settle();
    expect(isMarked(1)).toBe(true);
    for (let interval = 0; interval < 5; interval++) sketch.settle();
    expect(isMarked(1)).toBe(false);
    expect(sketch.hasMarks).toBe(false);
  });

  it('marks few others with a thousand that flood', () => {
    const sketch = new SourceSketch();
    for (let i = 0; i < 1000; i++) sketch.note(scattered(i), 0, 10);
    sketch.settle();
    let others = 0;
    for (let i = 1000; i < 11_000; i++) if (sketch.isMarked(scattered(i), 0)) others++;
    expect(others).toBeLessThan(1000);
  });

  it('has secrets: who shares an entry with whom is not known', () => {
    const entries = Array.from({ length: 8 }, () => new SourceSketch().tables[0].hash.first);
    expect(new Set(entries).size).toBe(8);
  });
});

function scattered(i: number): number {
  return Math.imul(i, 0x85ebca6b) >>> 0;
}
