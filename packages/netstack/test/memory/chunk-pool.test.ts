import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CHUNK_SIZE, ChunkPool } from '../../src/memory/chunk-pool.ts';

describe('ChunkPool', () => {
  test('gives each chunk to only one owner, and refuses a request only if all chunks are in use', () => {
    const step = fc.oneof(fc.constant('allocate'), fc.constant('follow'), fc.nat(19));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
        const pool = new ChunkPool(20 * CHUNK_SIZE - 1);
        const owned: number[] = [];
        let refused = 0;
        for (const each of steps) {
          if (typeof each === 'number') {
            const [chunk] = owned.splice(each, 1);
            if (chunk !== undefined) pool.release(chunk);
          } else {
            const chunk = pool.allocate(each === 'follow' ? (owned.at(-1) ?? -1) : -1);
            if (chunk !== -1) owned.push(chunk);
            refused += chunk === -1 && owned.length < 20 ? 1 : 0;
          }
          expect(new Set(owned).size).toBe(owned.length);
          expect(owned.every((chunk) => chunk >= 0 && chunk < 20)).toBe(true);
          expect([pool.available, refused]).toEqual([20 - owned.length, 0]);
        }
      }),
    );
  });

  test('gives a stream neighbouring chunks, even if the chunks were used before', () => {
    const pool = new ChunkPool(100 * CHUNK_SIZE);
    const row = (): number[] => {
      const chunks = [pool.allocate()];
      while (chunks.length < 8) chunks.push(pool.allocate(chunks.at(-1)));
      return chunks;
    };
    const [first, second] = [row(), row()];
    expect(first).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(second).toEqual([8, 9, 10, 11, 12, 13, 14, 15]);
    for (const chunk of first) pool.release(chunk);
    expect(row()).toEqual(first);
    for (const chunk of second.toReversed()) pool.release(chunk);
    expect(row()).toEqual(second);
  });

  test('prefers a chunk that was used before to a chunk that was never used', () => {
    const pool = new ChunkPool(100 * CHUNK_SIZE);
    const [a, b] = [pool.allocate(), pool.allocate()];
    pool.release(a);
    expect(pool.allocate(b)).toBe(a);
  });
});
