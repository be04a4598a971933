import { describe, expect, test } from 'vitest';
import { formatJudgement } from '../../src/verify/format-judgement.ts';

describe('formatJudgement', () => {
  test('has a line for each reason, and one for the whole result', () => {
    const text = formatJudgement({
      verdict: 'LEAK',
      peers: [
        { peer: 'node-1', verdict: 'PASS', reasons: ['6 answers'], leaks: [] },
        { peer: 'b', verdict: 'LEAK', reasons: ['icmp leaves', 'udp leaves'], leaks: [] },
        { peer: 'c', verdict: 'INCONCLUSIVE', reasons: ['no answer'], leaks: [] },
      ],
    });
    expect(text).toBe(
      [
        'PASS          node-1  6 answers',
        'LEAK          b       icmp leaves',
        'LEAK          b       udp leaves',
        'INCONCLUSIVE  c       no answer',
        'LEAK          1 of 3 peers passed',
        '',
      ].join('\n'),
    );
  });

  test('reports that there are no peers', () => {
    expect(formatJudgement({ verdict: 'INCONCLUSIVE', peers: [] })).toBe(
      'INCONCLUSIVE  no peer to verify\n',
    );
  });
});
