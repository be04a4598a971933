import { describe, expect, test } from 'vitest';
import { codeOf, ProxyCounts } from '../../src/proxy/proxy-counts.ts';

describe('ProxyCounts', () => {
  test('counts refusals by reason and failures by code', () => {
    const counts = new ProxyCounts().of('http');
    counts.refuse('garbage');
    counts.refuse('garbage');
    counts.fail(Object.assign(new Error('x'), { code: 'ECONNREFUSED' }));
    counts.fail(new Error('x'));
    expect([...counts.refused]).toEqual([['garbage', 2]]);
    expect([...counts.failed]).toEqual([
      ['ECONNREFUSED', 1],
      ['unknown', 1],
    ]);
  });
});

describe('codeOf', () => {
  test.each<[error: unknown, code: string]>([
    [{ code: 'ETIMEDOUT' }, 'ETIMEDOUT'],
    [{ code: 'ERR_LITZ_CLOSED' }, 'ERR_LITZ_CLOSED'],
    // The label of a metric must not be an arbitrary text.
    [{ code: 'a b' }, 'unknown'],
    [{ code: 5 }, 'unknown'],
    [null, 'unknown'],
  ])('reads %j as %s', (error, code) => {
    expect(codeOf(error)).toBe(code);
  });
});
