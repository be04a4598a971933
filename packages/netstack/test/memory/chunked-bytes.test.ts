import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CHUNK_SIZE, ChunkPool } from '../../src/memory/chunk-pool.ts';
import { ChunkedBytes } from '../../src/memory/chunked-bytes.ts';
import { pattern } from '../raw-packets.ts';

describe('ChunkedBytes', () => {
  test('returns what was written, wherever it lies', () => {
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

  test('writes as much as the pool has, and gives chunks back as they are released', () => {
    const pool = new ChunkPool(3 * CHUNK_SIZE);
    const bytes = new ChunkedBytes(pool);
    const data = pattern(4 * CHUNK_SIZE);

    bytes.write(0, data, 0, 10);
    bytes.release(10);
    expect(bytes.write(0, data, 0, data.length)).toBe(3 * CHUNK_SIZE - 10);
    expect(pool.available).toBe(0);
    bytes.release(CHUNK_SIZE - 11);
    expect(pool.available).toBe(0);
    bytes.release(1);
    expect(pool.available).toBe(1);
    expect(bytes.memory).toBe(2 * CHUNK_SIZE);
  });

  test('needs no chunks for a gap', () => {
    const pool = new ChunkPool(100 * CHUNK_SIZE);
    const bytes = new ChunkedBytes(pool);

    bytes.write(90 * CHUNK_SIZE, pattern(10), 0, 10);

    expect(pool.size - pool.available).toBe(1);
  });

  test('keeps a stream through many windows', () => {
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
