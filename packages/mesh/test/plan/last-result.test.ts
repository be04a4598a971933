import { describe, expect, test } from 'vitest';
import { LastResult } from '../../src/plan/last-result.ts';

describe('LastResult', () => {
  test('computes again only for other inputs', () => {
    const last = new LastResult<number>();
    const list: number[] = [];
    let computed = 0;
    const result = (...inputs: unknown[]): number => last.for(inputs, () => ++computed);

    expect([result(list, 'a'), result(list, 'a')]).toEqual([1, 1]);
    expect(result([], 'a')).toBe(2);
    expect(result(list, 'b')).toBe(3);
    expect(result(list, 'b', undefined)).toBe(4);
    expect([result(), result()]).toEqual([5, 5]);
  });

  test('computes again after an error', () => {
    const last = new LastResult<string>();
    expect(() => last.for([1], fail)).toThrow('no');
    expect(last.for([1], () => 'yes')).toBe('yes');
  });
});

function fail(): never {
  throw new Error('no');
}
