import { describe, expect, it } from 'vitest';
import { Closers } from '../../src/linux/closers.ts';

describe('Closers', () => {
  it('closes from the last to the first, only once', () => {
    const { closers, closed } = create();
    expect(closers.close()).toEqual([]);
    expect(closers.close()).toEqual([]);
    expect(closed).toEqual([2, 1, 0]);
  });

  it('closes the others when one fails, and returns the errors', () => {
    const { closers, closed } = create([2, 0]);
    expect(closers.close()).toEqual(['2 fails', '0 fails']);
    expect(closers.close()).toEqual([]);
    expect(closed).toEqual([2, 1, 0]);
  });
});

function create(failing: readonly number[] = []): { closers: Closers; closed: number[] } {
  const closers = new Closers();
  const closed: number[] = [];
  for (let i = 0; i < 3; i++) {
    closers.add(() => {
      closed.push(i);
      if (failing.includes(i)) throw `${i} fails`;
    });
  }
  return { closers, closed };
}
