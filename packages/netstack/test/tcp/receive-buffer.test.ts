import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ChunkPool } from '../../src/memory/chunk-pool.ts';
import { ReceiveBuffer } from '../../src/tcp/receive-buffer.ts';
import { patternAt } from '../raw-packets.ts';

describe('ReceiveBuffer', () => {
  test('returns the stream, whatever the order of its parts', () => {
    const part = fc.tuple(fc.nat(20_000), fc.integer({ min: 1, max: 6000 }), fc.nat(8000));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 60, size: 'max' }), (parts) => {
        const pool = new ChunkPool(2 ** 18);
        const buffer = new ReceiveBuffer(pool, 65_536);
        let next = 0;
        let read = 0;
        let isRight = true;
        for (const [position, length, count] of parts) {
          const kept = Math.min(length, buffer.free - position);
          if (kept <= 0) continue;
          next += buffer.write(position, patternAt(next + position, kept), 0, kept);
          const target = new Uint8Array(count);
          const got = buffer.read(target, 0, count);
          const expected = patternAt(read, got);
          isRight &&= target.subarray(0, got).every((byte, i) => byte === expected[i]);
          read += got;
          isRight &&= buffer.readable === next - read;
        }
        expect(isRight).toBe(true);
        buffer.clear();
        expect(pool.available).toBe(pool.size);
      }),
    );
  });

  test('uses no memory while nothing waits', () => {
    const pool = new ChunkPool(2 ** 16);
    const buffer = new ReceiveBuffer(pool, 65_536);
    buffer.write(0, patternAt(0, 100), 0, 100);
    buffer.read(new Uint8Array(100), 0, 100);
    expect(pool.available).toBe(pool.size);
  });

  test('refuses data for which there is no memory, and takes it later', () => {
    const pool = new ChunkPool(16_384);
    const buffer = new ReceiveBuffer(pool, 65_536);
    // Only memory that the buffer may use is offered: half of the pool, while no other buffer needs
    // it.
    expect(buffer.free).toBe(8192);
    expect(buffer.write(0, patternAt(0, 9000), 0, 9000)).toBe(8192);
    expect(buffer.free).toBe(0);
    expect(buffer.write(0, patternAt(0, 10), 0, 10)).toBe(-1);
    buffer.read(new Uint8Array(8192), 0, 8192);
    expect(buffer.write(0, patternAt(0, 10), 0, 10)).toBe(10);
  });

  test('leaves half of the pool to others, however many bytes come after gaps', () => {
    const pool = new ChunkPool(2 ** 18);
    const hostile = Array.from({ length: 20 }, () => new ReceiveBuffer(pool, 65_536));
    for (const buffer of hostile) {
      for (let position = 1; position < 65_536; position += 4096) {
        buffer.write(position, Uint8Array.of(1), 0, 1);
      }
    }
    expect(pool.available).toBeGreaterThanOrEqual(pool.size / 2 - 1);
    expect(hostile.at(-1)!.write(4096, Uint8Array.of(1), 0, 1)).toBe(-1);
    const other = new ReceiveBuffer(pool, 65_536);
    // A sixteenth is kept for the first chunks of buffers.
    expect(other.write(0, patternAt(0, 65_536), 0, 65_536)).toBe(57_344);
  });
});
