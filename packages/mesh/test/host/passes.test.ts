import { describe, expect, test } from 'vitest';
import { Passes } from '../../src/host/passes.ts';
import { settle } from '../manual-clock.ts';

describe('Passes', () => {
  test('answers all requests that come during a pass with the next pass', async () => {
    const { passes, begun, end } = create();
    const first = passes.request();
    const others = [passes.request(), passes.request()];
    await settle();
    expect(begun).toEqual([true]);
    end('one');
    expect(await first).toBe('one');
    await settle();
    expect(begun).toEqual([true, true]);
    end('two');
    expect(await Promise.all(others)).toEqual(['two', 'two']);
  });

  test('reports whether a caller waits', async () => {
    const { passes, begun, end } = create();
    passes.notify();
    passes.notify();
    end('nobody waits');
    await settle();
    expect(begun).toEqual([false, false]);
  });

  test('reports a failure to the callers that wait, or to the listener if none waits, and continues', async () => {
    const { passes, fail, end, failures } = create();
    const requested = passes.request();
    fail(new Error('refused'));
    await expect(requested).rejects.toThrow('refused');
    passes.notify();
    await settle();
    fail(new Error('not repaired'));
    await settle();
    expect(failures).toEqual(['not repaired']);
    const again = passes.request();
    await settle();
    end('well');
    expect(await again).toBe('well');
  });

  test('starts no pass after it was closed, and rejects the requests that wait', async () => {
    const { passes, begun, end } = create();
    const first = passes.request();
    const second = passes.request();
    await settle();
    passes.close(new Error('closed'));
    await expect(second).rejects.toThrow('closed');
    end('over');
    expect(await first).toBe('over');
    passes.notify();
    await settle();
    expect(begun).toEqual([true]);
  });
});

/** Makes passes that the test ends. `begun`: for each pass, whether a caller waits. */
function create() {
  const begun: boolean[] = [];
  const failures: string[] = [];
  let end: ((value: string) => void) | undefined;
  let fail: ((error: Error) => void) | undefined;
  const passes = new Passes<string>({
    work: (isAsked) => {
      begun.push(isAsked);
      return new Promise((resolve, reject) => {
        end = resolve;
        fail = reject;
      });
    },
    onFailure: (error) => failures.push((error as Error).message),
  });
  return {
    passes,
    begun,
    failures,
    end: (value: string) => end?.(value),
    fail: (error: Error) => fail?.(error),
  };
}
