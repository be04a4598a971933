import { createByteOperations } from '@litz/tun/offload';
import { seededRandomBytes } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { WasmArena, type WasmBuild } from '../src/index.ts';

describe.each<WasmBuild>(['simd', 'scalar'])('WasmArena, %s', (build) => {
  it('gives as many zeros as were asked for', () => {
    const { bytes, memory } = new WasmArena({ length: 100_000, build });
    expect(bytes.length).toBe(100_000);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
    expect(bytes.buffer).toBe(memory.buffer);
  });

  it.each([-1, 1.5, NaN, 2 ** 32])('refuses a length of %s', (length) => {
    expect(() => new WasmArena({ length, build })).toThrow(RangeError);
  });

  it('copies and sums as JavaScript does', () => {
    const arena = new WasmArena({ length: 140_000, build });
    seededRandomBytes(3)(arena.bytes.subarray(0, 70_000));
    // Sums carry most where all bits are set.
    arena.bytes.fill(0xff, 2000, 4000);
    const expected = arena.bytes.slice();
    const slow = createByteOperations(expected);
    const lengths = [...Array.from({ length: 601 }, (_, i) => i), 1368, 9000, 65_534, 65_535];
    for (const length of lengths) {
      const [to, from] = [70_000 + (length % 17), 1900 + (length % 13)];
      expect(arena.copyAndSum(to, from, length), `of ${length}`).toBe(
        slow.copyAndSum(to, from, length),
      );
    }
    expect(Buffer.compare(arena.bytes, expected)).toBe(0);
  });
});
