import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CHUNK_SIZE, ChunkPool } from '../../src/memory/chunk-pool.ts';
import { ChunkedBytes } from '../../src/memory/chunked-bytes.ts';
import { pattern } from '../raw-packets.ts';

describe('ChunkedBytes', () => {
  test('returns the bytes that were written, at any position', () => {
    fc.assert(
      fc.property(fc.nat(9000), fc.nat(9000), fc.nat(20_000), (skip, position, length) => {
        const pool = new ChunkPool(2 ** 17);
        const bytes = new ChunkedBytes(pool);
        bytes.write(0, pattern(skip), 0, skip);
        bytes.release(skip);
        const data = pattern(length, 3);
        expect(bytes.write(position, data, 0, length)).toBe(length);
        const copy = new Uint8Array(length + 2);
        bytes.read(position, copy, 1, length);
        expect(copy.subarray(1, length + 1)).toEqual(data);
        bytes.clear();
        expect(pool.available).toBe(pool.size);
      }),
    );
  });

  test('shares the pool: n greedy windows have 1/(n + 1) each, in the long run', () => {
    // A sixteenth is kept for first chunks.
    const pool = new ChunkPool(128 * CHUNK_SIZE);
    const data = pattern(CHUNK_SIZE);
    const windows = Array.from({ length: 5 }, () => ({ bytes: new ChunkedBytes(pool), length: 0 }));
    const chunks = (): number[] => windows.map(({ bytes }) => bytes.memory / CHUNK_SIZE);
    const fill = (window: (typeof windows)[0]): void => {
      let count = 1;
      while (count > 0) {
        expect(window.bytes.allowance).toBeGreaterThan(0);
        count = window.bytes.write(window.length, data, 0, data.length);
        window.length += count;
      }
    };
    windows.slice(0, 4).forEach(fill);
    expect(chunks()).toEqual([60, 30, 15, 8, 0]);
    // Each window gives back one chunk at a time, as when a program reads.
    for (let turn = 0; turn < 200; turn++) {
      for (const window of windows.slice(0, 4)) {
        window.bytes.release(CHUNK_SIZE);
        window.length -= CHUNK_SIZE;
        fill(window);
      }
    }
    expect(chunks()).toEqual([24, 24, 24, 24, 0]);
    fill(windows[4]);
    expect(chunks()[4]).toBe(12);
  });

  test('always gets its first chunk, while the pool has a free one', () => {
    const pool = new ChunkPool(2 * CHUNK_SIZE);
    const data = pattern(2 * CHUNK_SIZE);
    const [first, second, third] = Array.from({ length: 3 }, () => new ChunkedBytes(pool));
    expect(first.write(0, data, 0, data.length)).toBe(CHUNK_SIZE);
    expect(second.write(0, data, 0, data.length)).toBe(CHUNK_SIZE);
    expect(third.write(0, data, 0, data.length)).toBe(0);
    first.clear();
    // The third window still has no chunk, so it gets its first one.
    expect(third.write(0, data, 0, 1)).toBe(1);
  });

  test('writes no more than its share, and gives chunks back when all their bytes are released', () => {
    const pool = new ChunkPool(3 * CHUNK_SIZE);
    const bytes = new ChunkedBytes(pool);
    const data = pattern(4 * CHUNK_SIZE);

    bytes.write(0, data, 0, 10);
    bytes.release(10);
    expect(bytes.write(0, data, 0, data.length)).toBe(2 * CHUNK_SIZE - 10);
    expect([pool.available, bytes.allowance]).toEqual([1, 2 * CHUNK_SIZE]);
    bytes.release(CHUNK_SIZE - 11);
    expect(pool.available).toBe(1);
    bytes.release(1);
    expect(pool.available).toBe(2);
    expect(bytes.memory).toBe(CHUNK_SIZE);
  });

  test('needs no chunks for a gap', () => {
    const pool = new ChunkPool(100 * CHUNK_SIZE);
    const bytes = new ChunkedBytes(pool);

    bytes.write(90 * CHUNK_SIZE, pattern(10), 0, 10);

    expect(pool.size - pool.available).toBe(1);
  });

  test('carries a stream that is longer than the pool', () => {
    const pool = new ChunkPool(4 * CHUNK_SIZE);
    const bytes = new ChunkedBytes(pool);
    const data = pattern(1000);
    const copy = new Uint8Array(1000);

    for (let round = 0; round < 100; round++) {
      expect(bytes.write(0, data, 0, 1000)).toBe(1000);
      bytes.read(0, copy, 0, 1000);
      expect(copy).toEqual(data);
      bytes.release(1000);
    }
    expect(pool.size - pool.available).toBeLessThanOrEqual(1);
  });
});
