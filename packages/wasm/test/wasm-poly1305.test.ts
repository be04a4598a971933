import { nobleProvider } from '@litz/core';
import { poly1305 } from '@noble/ciphers/_poly1305.js';
import { seededRandomBytes } from '@litz/testkit';
import { describe, expect, test } from 'vitest';
import { WasmArena, WasmPoly1305 } from '../src/index.ts';
import { BUILDS } from './builds.ts';

const KEY = random(32, 1);

describe.each(BUILDS)('WasmPoly1305, %s', (build) => {
  const arena = WasmArena.createSync({ length: 80_000, build });
  const slab = arena.allocate(70_000);
  const ours = new WasmPoly1305(arena, KEY);
  const noble = nobleProvider.createCipher(KEY);

  test('makes the tags of ChaCha20-Poly1305, and finds wrong ones', () => {
    for (const length of [...Array.from({ length: 601 }, (_, i) => i), 1420, 1424, 65_535]) {
      const sealed = random(length + 16, length);
      noble.seal(length * 2 ** 40, sealed, 0, length);
      slab.set(sealed, 7);
      slab.fill(0, 7 + length, 7 + length + 16);
      ours.writeTag(length * 2 ** 40, slab, 7, length);
      expect(Buffer.compare(slab.subarray(7, 7 + length + 16), sealed), `${length}`).toBe(0);
      expect(ours.checkTag(length * 2 ** 40, slab, 7, length)).toBe(true);
      slab[7 + ((length * 31) % (length + 16))] ^= 1;
      expect(ours.checkTag(length * 2 ** 40, slab, 7, length)).toBe(false);
    }
  });

  // Carries are greatest, and results nearest to 2^130 - 5, where all bits are set.
  test.each([
    [0xff, 0xff, 0xff],
    [0xff, 0, 0xff],
    [0xff, 0xff, 0],
    [0x0f, 0xff, 0xfe],
    [0xfc, 0x01, 0x80],
    [0x01, 0xff, 0xff],
    [0x02, 0, 0xff],
    [0, 0xff, 0xff],
  ])('agrees with noble where r is all %d, s all %d and the text all %d', (r, s, text) => {
    for (const first of [r, 0, 1, 2, 4, 5]) {
      for (let length = 0; length <= 400; length++) {
        slab
          .fill(r, 0, 16)
          .fill(s, 16, 32)
          .fill(text, 32, 32 + length);
        slab[0] = first;
        ours.writeTagWith(0, slab, 32, length);
        const tag = slab.slice(32 + length, 48 + length);
        const lengths = new Uint8Array(16);
        new DataView(lengths.buffer).setUint32(8, length, true);
        const mac = poly1305.create(slab.slice(0, 32));
        mac.update(slab.subarray(32, 32 + length)).update(new Uint8Array(-length & 15));
        expect(Buffer.compare(tag, mac.update(lengths).digest()), `${first}, ${length}`).toBe(0);
      }
    }
  });

  // With r = 1 the result is the sum of the blocks, so that each of these can be asked for.
  test.each([-9, -6, -5, -4, -3, -1, 0, 1, 2, 3, 4, 5, 6, 9, 16, 2 ** 32 - 1, 2 ** 32, 2 ** 34])(
    'reduces 2^130 - 5 and %d more',
    (more) => {
      const length = 7 * 16;
      // Seven blocks and the lengths bring 8 * 2^128 with them, which is 10.
      let left = 2n ** 130n - 5n + BigInt(more) - 10n - (BigInt(length) << 64n);
      slab.fill(0, 0, 32 + length);
      slab[0] = 1;
      for (let at = 32; at < 32 + length; at += 16) {
        const block = left < 2n ** 128n ? left : 2n ** 128n - 1n;
        for (let i = 0; i < 16; i++) slab[at + i] = Number((block >> BigInt(8 * i)) & 0xffn);
        left -= block;
      }
      expect(left).toBe(0n);
      ours.writeTagWith(0, slab, 32, length);
      const sum = ((2n ** 130n - 5n + BigInt(more)) % (2n ** 130n - 5n)) % 2n ** 128n;
      const expected = Uint8Array.from({ length: 16 }, (_, i) =>
        Number((sum >> BigInt(8 * i)) & 0xffn),
      );
      expect(slab.slice(32 + length, 48 + length)).toEqual(expected);
    },
  );

  test('agrees with noble for one-time keys and texts of bits in runs', () => {
    for (let seed = 0; seed < 3000; seed++) {
      const bytes = runs(32 + (seed % 200), seed);
      slab.set(bytes);
      const length = bytes.length - 32;
      ours.writeTagWith(0, slab, 32, length);
      const lengths = new Uint8Array(16);
      lengths[8] = length;
      const mac = poly1305.create(bytes.slice(0, 32));
      mac
        .update(bytes.subarray(32))
        .update(new Uint8Array(-length & 15))
        .update(lengths);
      const tag = slab.slice(32 + length, 48 + length);
      expect(Buffer.compare(tag, mac.digest()), `seed ${seed}`).toBe(0);
    }
  });

  test('refuses other memory and places outside', () => {
    expect(() => ours.writeTag(0, new Uint8Array(64), 0, 8)).toThrow(TypeError);
    expect(() => ours.checkTag(0, slab, -1, 8)).toThrow(RangeError);
    expect(() => ours.writeTag(0, slab, 69_985, 0)).toThrow(RangeError);
    expect(() => ours.writeTagWith(69_980, slab, 0, 8)).toThrow(RangeError);
    expect(() => new WasmPoly1305(arena, new Uint8Array(16))).toThrow(RangeError);
  });
});

/** Bytes of which many are 0x00 and 0xff, where carries go far. */
function runs(length: number, seed: number): Uint8Array {
  const kinds = random(length, seed);
  return random(length, seed + 1).map((byte, i) => {
    const kind = kinds[i >> 2];
    return kind < 100 ? 0xff : kind < 160 ? 0 : byte;
  });
}

function random(length: number, seed: number): Uint8Array {
  const out = new Uint8Array(length);
  seededRandomBytes(seed + 31)(out);
  return out;
}
