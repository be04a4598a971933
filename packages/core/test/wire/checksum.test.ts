import { ipPacket, slowChecksum, slowSum } from '@litz/testkit';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checksum, foldSum, pseudoHeaderSum, sumBytes } from '../../src/wire/checksum.ts';

/** `pnpm test:fuzz` runs more. */
const RUNS = Number(process.env['FC_NUM_RUNS'] ?? 300);
const TIMEOUT_MS = 120_000;

describe('checksum', () => {
  test('returns the checksum of the example in RFC 1071', () => {
    const bytes = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7);

    expect(sumBytes(bytes, 0, 8)).toBe(0xddf2);
    expect(checksum(bytes, 0, 8)).toBe(0x220d);
  });

  test(
    'agrees with slowChecksum at any offset and length',
    () => {
      fc.assert(
        fc.property(
          fc.uint8Array({ maxLength: 200, size: 'max' }),
          fc.nat(7),
          fc.nat(3),
          (bytes, front, behind) => {
            const buffer = new Uint8Array(front + bytes.length + behind).fill(0xff);
            buffer.set(bytes, front);
            expect(checksum(buffer, front, bytes.length)).toBe(slowChecksum(bytes));
          },
        ),
        { numRuns: RUNS },
      );
    },
    TIMEOUT_MS,
  );

  test(
    'continues from the sum of the bytes before',
    () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 60, size: 'max' }), fc.nat(30), (bytes, words) => {
          const middle = Math.min(words * 2, bytes.length - (bytes.length % 2));
          const first = sumBytes(bytes, 0, middle);
          expect(sumBytes(bytes, middle, bytes.length - middle, first)).toBe(slowSum(bytes));
        }),
        { numRuns: RUNS },
      );
    },
    TIMEOUT_MS,
  );

  test.each([65_535, 131_072])('does not overflow at %i bytes of 0xff', (length) => {
    const bytes = new Uint8Array(length).fill(0xff);

    expect(checksum(bytes, 0, length)).toBe(slowChecksum(bytes));
  });

  test('reads several buffers in turn', () => {
    const [a, b, c] = [1, 2, 3].map((value) => new Uint8Array(32).fill(value));

    for (const bytes of [a, b, c, a, a, c, b]) {
      expect(sumBytes(bytes, 0, 32)).toBe(slowSum(bytes));
    }
  });

  test('reads only the bytes of a view', () => {
    const whole = Uint8Array.from({ length: 64 }, (_, i) => i);
    const part = whole.subarray(5, 40);

    expect(sumBytes(part, 1, 34)).toBe(slowSum(whole.subarray(6, 40)));
  });

  test('pads an odd byte with a zero', () => {
    expect(sumBytes(Uint8Array.of(9, 1, 2, 3, 9), 1, 3)).toBe(0x0102 + 0x0300);
  });

  test('adds to a given sum, and reads only the given range', () => {
    expect(sumBytes(Uint8Array.of(9, 1, 2, 9), 1, 2, 5)).toBe(0x0102 + 5);
  });
});

describe('foldSum', () => {
  test.each([
    [0, 0],
    [0xffff, 0xffff],
    [0x10000, 1],
    [0x1ffff, 1],
    [0xfffeffff, 0xfffe],
    [0xffff_ffff, 0xffff],
  ])('folds %i to %i', (sum, folded) => {
    expect(foldSum(sum)).toBe(folded);
  });
});

describe('pseudoHeaderSum', () => {
  test.each([
    [4, 20, 12],
    [16, 40, 8],
  ])('sums addresses of %i bytes, the protocol and the length', (size, start, addresses) => {
    const [source, destination] = [1, 7].map((first) =>
      Uint8Array.from({ length: size }, (_, i) => i * 19 + first),
    );
    const packet = ipPacket({ source, destination, protocol: 6, length: start + 333 });

    const header = packet.subarray(addresses, start);
    const pseudo = slowSum(Uint8Array.of(...header, 0, 0, 333 >>> 8, 333 & 0xff, 0, 0, 0, 6));
    expect(pseudoHeaderSum(packet, 0, 6, 333)).toBe(pseudo);
  });
});
