import { describe, expect, test } from 'vitest';
import { closeAll } from '../src/close-all.ts';

describe('closeAll', () => {
  test('calls all functions in order, also after an error', async () => {
    const called: number[] = [];
    const only = new Error('the only one');
    const closing = closeAll(
      async () => {
        await Promise.resolve();
        called.push(1);
      },
      () => {
        called.push(2);
        throw only;
      },
      () => void called.push(3),
    );
    await expect(closing).rejects.toBe(only);
    expect(called).toEqual([1, 2, 3]);
    await closeAll();
  });

  test('rejects with all errors if there are several, and names each of them', async () => {
    const [first, second] = [new Error('the first'), new Error('the second')];
    const closing = closeAll(
      () => Promise.reject(first),
      () => {},
      () => {
        throw second;
      },
    );
    const error: unknown = await closing.catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(AggregateError);
    expect(error).toMatchObject({ message: 'the first; the second', errors: [first, second] });
  });
});
