import { describe, expect, test } from 'vitest';
import { WasmArena } from '../src/index.ts';
import { fastestBuild } from '../src/kernels.ts';
import { webAssembly } from '../src/web-assembly.ts';
import { BUILDS } from './builds.ts';

describe('WasmArena', () => {
  test.each(BUILDS)(
    'can be made synchronously or asynchronously, from the %s build',
    async (build) => {
      const arenas = [
        WasmArena.createSync({ length: 64, build }),
        await WasmArena.create({ length: 64, build }),
      ];
      for (const arena of arenas) {
        const bytes = arena.allocate(64);
        bytes.set([1, 2, 3]);
        expect(arena.build).toBe(build);
        expect(arena.kernels.copyAndSum(bytes.byteOffset + 32, bytes.byteOffset, 3)).toBe(0x0402);
        expect(bytes.slice(32, 36)).toEqual(Uint8Array.of(1, 2, 3, 0));
      }
    },
  );

  test('uses the simd build unless another build is requested or the engine lacks SIMD', () => {
    expect(WasmArena.createSync().build).toBe('simd');
    expect(WasmArena.createSync({ build: 'scalar' }).build).toBe('scalar');
    const api = webAssembly();
    const { validate } = api;
    try {
      api.validate = () => false;
      expect(fastestBuild()).toBe('scalar');
      expect(WasmArena.createSync().build).toBe('scalar');
    } finally {
      api.validate = validate;
    }
  });

  test('allocates separate pieces of zeros, at multiples of 64', () => {
    const arena = WasmArena.createSync({ length: 4096 });
    const pieces = [1, 64, 0, 100, 65].map((length) => arena.allocate(length));
    let end = arena.kernels.ARENA.value;
    for (const piece of pieces) {
      expect(piece.byteOffset % 64).toBe(0);
      expect(piece.byteOffset).toBeGreaterThanOrEqual(end);
      expect(piece.every((byte) => byte === 0)).toBe(true);
      end = piece.byteOffset + piece.length;
    }
    expect(pieces.map(({ length }) => length)).toEqual([1, 64, 0, 100, 65]);
  });

  test('allocates as much as its length, and throws when no more is left', () => {
    const arena = WasmArena.createSync({ length: 1_000_000 });
    expect(arena.allocate(1_000_000)).toHaveLength(1_000_000);
    expect(() => arena.allocate(65_536)).toThrow(/"length" expected an integer from 0 to \d+, got/);
  });

  test.each([-1, 0.5, Number.NaN, 2 ** 31])('refuses a length of %d', (length) => {
    expect(() => WasmArena.createSync({ length })).toThrow(RangeError);
    expect(() => WasmArena.createSync().allocate(length)).toThrow(RangeError);
  });

  test('recognizes its own bytes', () => {
    const arena = WasmArena.createSync({ length: 64 });
    expect(arena.owns(arena.allocate(8).subarray(2, 4))).toBe(true);
    expect(arena.owns(arena.bytes)).toBe(true);
    expect(arena.owns(new Uint8Array(8))).toBe(false);
    expect(arena.owns(WasmArena.createSync().bytes)).toBe(false);
  });
});
