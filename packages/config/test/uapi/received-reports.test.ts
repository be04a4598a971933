import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReceivedReports } from '../../src/uapi/received-reports.ts';
import { RUNS } from '../keys.ts';

describe('ReceivedReports', () => {
  it('returns each report when its empty line was received, wherever the bytes are divided', () => {
    const text = 'a=1\nb=2\n\nc=3\n\nd=4\n\n';
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: text.length - 1 })), (cuts) => {
        const reports = new ReceivedReports(100);
        const edges = [0, ...cuts.toSorted((a, b) => a - b), text.length];
        const received = edges
          .slice(1)
          .flatMap((to, i) => reports.push(Buffer.from(text.slice(edges[i], to))));
        expect(received).toEqual(['a=1\nb=2', 'c=3', 'd=4']);
      }),
      { numRuns: RUNS },
    );
  });

  it('has isTooLong true while the incomplete report is longer than the limit', () => {
    const reports = new ReceivedReports(4);
    reports.push(Buffer.from('a=1\n'));
    expect(reports.isTooLong).toBe(false);
    reports.push(Buffer.from('b'));
    expect(reports.isTooLong).toBe(true);
    reports.push(Buffer.from('=2\n\nc'));
    expect(reports.isTooLong).toBe(false);
  });
});
