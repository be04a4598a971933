import { describe, expect, test } from 'vitest';
import { Turns } from '../../src/host/turns.ts';
import { settle } from '../manual-clock.ts';

describe('Turns', () => {
  test('does who asks meanwhile afterwards, all at once', async () => {
    const { turns, begun, end } = create();
    const first = turns.ask();
    const others = [turns.ask(), turns.ask()];
    await settle();
    expect(begun).toEqual([true]);
    end('one');
    expect(await first).toBe('one');
    await settle();
    expect(begun).toEqual([true, true]);
    end('two');
    expect(await Promise.all(others)).toEqual(['two', 'two']);
  });

  test('knows whether anybody waits', async () => {
    const { turns, begun, end } = create();
    turns.hear();
    turns.hear();
    end('nobody waits');
    await settle();
    expect(begun).toEqual([false, false]);
  });

  test('tells a failure to those who wait, else to whoever listens, and goes on', async () => {
    const { turns, fail, end, failures } = create();
    const asked = turns.ask();
    fail(new Error('refused'));
    await expect(asked).rejects.toThrow('refused');
    turns.hear();
    await settle();
    fail(new Error('not repaired'));
    await settle();
    expect(failures).toEqual(['not repaired']);
    const again = turns.ask();
    await settle();
    end('well');
    expect(await again).toBe('well');
  });

  test('begins none any more when it is closed, and tells those who wait', async () => {
    const { turns, begun, end } = create();
    const first = turns.ask();
    const second = turns.ask();
    await settle();
    turns.close(new Error('closed'));
    await expect(second).rejects.toThrow('closed');
    end('over');
    expect(await first).toBe('over');
    turns.hear();
    await settle();
    expect(begun).toEqual([true]);
  });
});

/** Each turn lasts until it is ended. */
function create() {
  const begun: boolean[] = [];
  const failures: string[] = [];
  let end: ((value: string) => void) | undefined;
  let fail: ((error: Error) => void) | undefined;
  const turns = new Turns<string>({
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
    turns,
    begun,
    failures,
    end: (value: string) => end?.(value),
    fail: (error: Error) => fail?.(error),
  };
}
