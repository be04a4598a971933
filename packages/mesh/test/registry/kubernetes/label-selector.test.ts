import { describe, expect, test } from 'vitest';
import { DEFAULT_OPT_OUT, LabelSelector } from '../../../src/registry/kubernetes/label-selector.ts';

describe('LabelSelector', () => {
  test.each<[selector: string, labels: Record<string, string>, matches: boolean]>([
    ['', {}, true],
    [DEFAULT_OPT_OUT, { 'node-role.kubernetes.io/control-plane': '' }, true],
    [DEFAULT_OPT_OUT, { 'kubernetes.io/os': 'linux' }, false],
    ['!a', {}, true],
    ['!a', { a: '' }, false],
    ['! a', { a: '' }, false],
    ['a=1', { a: '1' }, true],
    ['a=1', { a: '2' }, false],
    ['a==1', { a: '1' }, true],
    [' a = 1 ', { a: '1' }, true],
    ['a=', { a: '' }, true],
    ['a!=1', { a: '1' }, false],
    ['a!=1', {}, true],
    ['a in (1, 2)', { a: '2' }, true],
    ['a in (1,2)', { a: '3' }, false],
    ['a in(1)', { a: '1' }, true],
    ['a in ()', { a: '' }, true],
    ['a notin (1,2)', { a: '3' }, true],
    ['a notin (1,2)', { a: '1' }, false],
    ['a notin (1,2)', {}, true],
    ['a>5', { a: '6' }, true],
    ['a>5', { a: '5' }, false],
    ['a < 5', { a: '4' }, true],
    ['a<5', { a: 'x' }, false],
    ['a<5', {}, false],
    ['in', { in: '' }, true],
    ['a,b=1', { a: '', b: '1' }, true],
    ['a,b=1', { b: '1' }, false],
    ['a in (1,2),!c', { a: '1' }, true],
    ['a in (1,2),!c', { a: '1', c: '' }, false],
    ['toString', {}, false],
    ['example.com/a_b.c=D-1', { 'example.com/a_b.c': 'D-1' }, true],
  ])('%j matches %j: %s', (selector, labels, matches) => {
    expect(new LabelSelector(selector).matches(labels)).toBe(matches);
  });

  test.each([
    ['a b', 'expected KEY, !KEY'],
    ['=a', 'expected KEY, !KEY'],
    ['a,', 'expected KEY, !KEY'],
    ['a,,b', 'expected KEY, !KEY'],
    ['a===1', 'expected KEY, !KEY'],
    ['a in (1', 'expected KEY, !KEY'],
    ['a in 1', 'expected (A,B) after in'],
    ['a notin', 'expected KEY, !KEY'],
    ['a=(1)', 'expected one value, without parentheses'],
    ['!a=1', '"!" is allowed only before a single key'],
    ['a>x', 'expected an integer after >'],
    ['-a', '"-a" is not a label key'],
    ['A.B/c', '"A.B/c" is not a label key'],
    ['a/b/c', '"a/b/c" is not a label key'],
    ['a'.repeat(64), 'is not a label key'],
    ['a=-1', '"-1" is not a label value'],
    [`a=${'1'.repeat(64)}`, 'is not a label value'],
    ['a in (1,$)', '"$" is not a label value'],
  ])('refuses %j', (selector, message) => {
    expect(() => new LabelSelector(selector)).toThrow(RangeError);
    expect(() => new LabelSelector(selector)).toThrow(message);
  });

  test('returns its text as a string', () => {
    expect(String(new LabelSelector('a=1, b'))).toBe('a=1, b');
  });
});
