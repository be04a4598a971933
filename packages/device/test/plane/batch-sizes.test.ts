import { describe, expect, test } from 'vitest';
import { BATCH_LIMITS, BatchSizes } from '../../src/plane/batch-sizes.ts';

describe('BatchSizes', () => {
  test.each(BATCH_LIMITS.map((limit, index) => [limit, index]))(
    'counts a batch of %i packets in class %i, and a batch of one packet more in the next class',
    (limit, index) => {
      const sizes = new BatchSizes();
      sizes.add(limit);
      expect(sizes.toJSON().counts.indexOf(1)).toBe(index);
      const larger = new BatchSizes();
      larger.add(limit + 1);
      expect(larger.toJSON().counts.indexOf(1)).toBe(index + 1);
    },
  );

  test('adds up the packets, and does not count a batch without packets', () => {
    const sizes = new BatchSizes();
    for (const packets of [0, 3, 4, 100_000]) sizes.add(packets);
    const { counts, packets } = sizes.toJSON();
    expect(packets).toBe(100_007);
    expect(counts).toEqual([0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  });
});
