/**
 * Tests that `TunDevice` passes only memory of the given buffer to the kernel, whatever its
 * arguments are.
 *
 * @module
 */
import { Netlink, type Libc } from '@litz/sys';
import * as fc from 'fast-check';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { TunDevice } from '../src/tun-device.ts';

/**
 * The address of the test's buffer, as the fake kernel sees it, and the pieces that the kernel got.
 */
const kernel = vi.hoisted(() => ({
  base: 0x7f12_3456_7000,
  /** Pieces of the last call: offset into the buffer, and length. */
  pieces: [] as [number, number][],
}));

vi.mock(import('@litz/sys'), async (original) => {
  const sys = await original();
  const vectors = new DataView(new ArrayBuffer(16 * 256));
  const call = (_fd: number, _address: number, count: number): number => {
    kernel.pieces = Array.from({ length: count }, (_, i) => [
      Number(vectors.getBigUint64(16 * i, true)) - kernel.base,
      Number(vectors.getBigUint64(16 * i + 8, true)),
    ]);
    return kernel.pieces.reduce((sum, [, length]) => sum + length, 0);
  };
  return {
    ...sys,
    libc: () => ({ readv: call, writev: call, errno: () => 0 }) as unknown as Libc,
    allocate: () => ({ bytes: new Uint8Array(vectors.buffer), view: vectors, address: 1 }),
    addressOf: () => kernel.base,
    Netlink: vi.fn() as unknown as typeof Netlink,
  };
});

const SIZE = 200;
const number = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 100 }) },
  { weight: 1, arbitrary: fc.integer({ min: -5, max: 70_000 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(0.5, Number.NaN, Infinity, 2 ** 32 + 1, '5', null, undefined, 5n),
  },
);
const u32 = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 120 }) },
  { weight: 1, arbitrary: fc.nat(0xffff_ffff) },
);

let tun: TunDevice;

beforeEach(() => {
  kernel.pieces = [];
  tun = new TunDevice(
    5,
    { index: 1, name: 'fake', mtu: 1420 } as never,
    { tcp: false, udp: false },
    new Netlink(),
  );
});

describe('TunDevice', () => {
  test.each(['read', 'write'] as const)(
    'passes only bytes of the buffer to the kernel in %s, or throws',
    (name) => {
      let passed = 0;
      fc.assert(
        fc.property(number, number, (offset, length) => {
          kernel.pieces = [];
          if (!passes(() => tun[name](new Uint8Array(SIZE), offset as number, length as number)))
            return;
          expect(kernel.pieces).toEqual([[offset, length]]);
          passed++;
        }),
        { numRuns: 3000 },
      );
      expect(passed).toBeGreaterThan(500);
    },
  );

  test('passes only pieces of the buffer to the kernel in writePieces, or throws', () => {
    let passed = 0;
    const many = fc.array(u32, { maxLength: 4 });
    fc.assert(
      fc.property(many, many, fc.oneof(fc.nat(4), number), (offsets, lengths, count) => {
        kernel.pieces = [];
        const [at, of] = [Uint32Array.from(offsets), Uint32Array.from(lengths)];
        if (!passes(() => tun.writePieces(new Uint8Array(SIZE), at, of, count as number))) return;
        expect(kernel.pieces).toHaveLength(count as number);
        passed++;
      }),
      { numRuns: 5000 },
    );
    expect(passed).toBeGreaterThan(200);
  });

  test('writes at most 256 pieces', () => {
    const numbers = new Uint32Array(300);
    expect(tun.writePieces(new Uint8Array(SIZE), numbers, numbers, 256)).toBe(0);
    expect(() => tun.writePieces(new Uint8Array(SIZE), numbers, numbers, 257)).toThrow(
      '"count" expected an integer from 0 to 256, got 257',
    );
  });

  test.each<[string, unknown]>([
    ['an array', [1, 2, 3]],
    ['text', 'text'],
    ['nothing', undefined],
    ['a Uint16Array', new Uint16Array(100)],
    ['an ArrayBuffer', new ArrayBuffer(100)],
  ])('refuses %s as the buffer, the offsets or the lengths', (_, value) => {
    const wrong = value as never;
    const buffer = new Uint8Array(SIZE);
    const numbers = new Uint32Array(2);
    expect(() => tun.read(wrong, 0, 1)).toThrow('"buffer" expected a Uint8Array');
    expect(() => tun.write(wrong, 0, 1)).toThrow('"buffer" expected a Uint8Array');
    expect(() => tun.writePieces(wrong, numbers, numbers, 1)).toThrow('"buffer" expected');
    expect(() => tun.writePieces(buffer, wrong, numbers, 1)).toThrow('"offsets" expected');
    expect(() => tun.writePieces(buffer, numbers, wrong, 1)).toThrow('"lengths" expected');
  });

  test('refuses a buffer that was transferred after it was used', () => {
    const buffer = new Uint8Array(new ArrayBuffer(SIZE));
    expect(tun.read(buffer, 0, SIZE)).toBe(SIZE);
    structuredClone(buffer.buffer, { transfer: [buffer.buffer] });
    expect(() => tun.read(buffer, 0, SIZE)).toThrow(RangeError);
  });
});

/** Whether the call returned. Checks that all bytes which were passed are within the buffer. */
function passes(call: () => unknown): boolean {
  try {
    call();
  } catch (error) {
    const isRefusal = error instanceof TypeError || error instanceof RangeError;
    if (!isRefusal || kernel.pieces.length > 0) throw error;
    return false;
  }
  for (const [offset, length] of kernel.pieces) {
    const isWithin = offset >= 0 && length >= 0 && offset + length <= SIZE;
    if (!isWithin) throw new Error(`${length} bytes at ${offset}`);
  }
  return true;
}
