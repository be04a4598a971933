import { seededRandomBytes } from '@litz/testkit';
import { createByteOperations, type ByteOperations } from '@litz/tun/offload';
import { describe, expect, test } from 'vitest';
import { createWasmByteOperations, WasmArena } from '../src/index.ts';
import { BUILDS } from './builds.ts';

describe.each(BUILDS)('createWasmByteOperations, %s', (build) => {
  const arena = WasmArena.createSync({ length: 300_000, build });

  test('agrees with its twin in JavaScript at every length to 600, at random places', () => {
    const buffer = arena.allocate(4096);
    const operations: ByteOperations = createWasmByteOperations(arena, buffer);
    const twin = createByteOperations(new Uint8Array(4096));
    for (let length = 0; length <= 600; length++) {
      for (let round = 0; round < 4; round++) {
        const [from, to] = places(length, round);
        fill(buffer, twin.buffer, length * 4 + round);
        const sum = operations.copyAndSum(to, from, length);
        expect({ length, from, to, sum }).toEqual({
          length,
          from,
          to,
          sum: twin.copyAndSum(to, from, length),
        });
        expect(Buffer.compare(buffer, twin.buffer)).toBe(0);
      }
    }
  });

  test.each([1280, 1368, 1420, 9001, 65_534, 65_535])('agrees at %i bytes of 0xff', (length) => {
    const operations = createWasmByteOperations(arena);
    const from = arena.bytes.length - 2 * 65_535;
    const bytes = arena.bytes.subarray(from, from + length).fill(0xff);
    const twin = createByteOperations(new Uint8Array(2 * 65_535).fill(0xff));
    expect(operations.copyAndSum(from + 65_535, from, length)).toBe(
      twin.copyAndSum(65_535, 0, length),
    );
    expect(arena.bytes.subarray(from + 65_535, from + 65_535 + length)).toEqual(bytes);
  });

  test.each([
    [-1, 64, 8],
    [64, -1, 8],
    [0, 64, -1],
    [4089, 64, 8],
    [0, 4089, 8],
    [0, Number.NaN, 8],
    [Number.NaN, 0, 8],
    [0, 64, Number.NaN],
    [0, 0, 65_536],
  ])('refuses to=%d from=%d length=%d', (to, from, length) => {
    const operations = createWasmByteOperations(arena, arena.bytes.subarray(8192, 8192 + 4096));
    const before = arena.bytes.slice();
    expect(() => operations.copyAndSum(to, from, length)).toThrow(RangeError);
    expect(Buffer.compare(arena.bytes, before)).toBe(0);
  });

  test('refuses bytes of another memory', () => {
    expect(() => createWasmByteOperations(arena, new Uint8Array(64))).toThrow(TypeError);
  });
});

/** Two places in 4096 bytes that do not overlap, at any alignment. */
function places(length: number, seed: number): [from: number, to: number] {
  const random = new Uint8Array(4);
  seededRandomBytes(length * 7 + seed)(random);
  const low = random[0] * 4;
  const high = 2048 + random[1] * 4 + (random[2] & 3);
  return random[3] & 1 ? [low, high] : [high, low];
}

function fill(a: Uint8Array, b: Uint8Array, seed: number): void {
  seededRandomBytes(seed)(a.subarray(0, 256));
  for (let at = 256; at < a.length; at *= 2) a.copyWithin(at, 0, at);
  b.set(a);
}
