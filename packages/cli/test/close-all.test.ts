import { describe, expect, test } from 'vitest';
import { closeAll } from '../src/close-all.ts';

describe('closeAll', () => {
  test('calls all functions in order, also after an error, and rejects with the first error', async () => {
    const called: number[] = [];
    const closing = closeAll(
      async () => {
        await Promise.resolve();
        called.push(1);
      },
      () => {
        called.push(2);
        throw new Error('the first');
      },
      () => Promise.reject(new Error('the second')),
      () => void called.push(4),
    );
    await expect(closing).rejects.toThrow('the first');
    expect(called).toEqual([1, 2, 4]);
    await closeAll();
  });
});
