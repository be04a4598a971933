import { describe, expect, it } from 'vitest';
import { runSteps, type Steps } from '../src/steps.ts';

describe('runSteps', () => {
  it('does all steps, returns the result, and throws what a step throws', () => {
    const done: number[] = [];
    const steps = function* (): Steps<string> {
      for (let i = 0; i < 3; i++) {
        done.push(i);
        yield;
      }
      if (done.length > 3) throw new Error('too many');
      return 'result';
    };
    expect(runSteps(steps())).toBe('result');
    expect(done).toEqual([0, 1, 2]);
    expect(() => runSteps(steps())).toThrow('too many');
  });
});
