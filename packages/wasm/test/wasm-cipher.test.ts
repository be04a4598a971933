import { nobleProvider } from '@litz/core';
import { seededRandomBytes } from '@litz/testkit';
import { describe, expect, test } from 'vitest';
import { WasmArena } from '../src/index.ts';
import { WasmCipher } from '../src/wasm-cipher.ts';
import { BUILDS } from './builds.ts';

const TAG = 16;
const KEY = random(32, 1);

describe.each(BUILDS)('WasmCipher, %s', (build) => {
  const arena = WasmArena.createSync({ length: 200_000, build });
  const slab = arena.allocate(70_000);
  const cipher = new WasmCipher(arena, KEY);
  const noble = nobleProvider.createCipher(KEY);

  describe.each([
    ['in the arena', slab],
    ['elsewhere', new Uint8Array(70_000)],
  ])('%s', (_, buffer) => {
    test('agrees with noble at every length up to 600 and at random lengths up to 65535', () => {
      const lengths = [...Array.from({ length: 601 }, (_, i) => i), ...randomLengths(60), 65_535];
      for (const [i, length] of lengths.entries()) {
        const offset = (i * 31) % 700;
        const counter = i * 2 ** 34 + i;
        const plain = random(length, i);
        const sealed = new Uint8Array(length + TAG);
        sealed.set(plain);
        noble.seal(counter, sealed, 0, length);
        const frame = surround(buffer, offset, length + TAG);

        buffer.set(plain, offset);
        cipher.seal(counter, buffer, offset, length);
        expect(differs(buffer, offset, sealed), `sealed ${length}`).toBe(false);
        expect(cipher.open(counter, buffer, offset, length)).toBe(true);
        expect(differs(buffer, offset, plain), `opened ${length}`).toBe(false);
        expect(differs(buffer, offset + length, sealed.subarray(length))).toBe(false);
        expect(frame.isWhole()).toBe(true);
      }
    });

    test('refuses a flipped bit of the text or the tag, at every length up to 600, and changes nothing', () => {
      for (const length of [...Array.from({ length: 601 }, (_, i) => i), 1420, 12_000]) {
        const sealed = random(length + TAG, length);
        noble.seal(7, sealed, 0, length);
        const [at, bit] = [(length * 7919) % (length + TAG), length % 8];
        for (const place of [at, length + (length % TAG)]) {
          const wrong = sealed.slice();
          wrong[place] ^= 1 << bit;
          buffer.set(wrong, 5);
          expect(cipher.open(7, buffer, 5, length)).toBe(false);
          expect(differs(buffer, 5, wrong)).toBe(false);
        }
        buffer.set(sealed, 5);
        expect(cipher.open(7, buffer, 5, length)).toBe(true);
      }
    });

    test.each([
      [-1, 8],
      [0, -1],
      [8, 69_977],
      [69_985, 0],
      [Number.NaN, 8],
      [8, Number.NaN],
      [2 ** 32, 8],
    ])('refuses offset %d with length %d and changes nothing', (offset, length) => {
      const before = arena.bytes.slice();
      expect(() => cipher.seal(0, buffer, offset, length)).toThrow(RangeError);
      expect(() => cipher.open(0, buffer, offset, length)).toThrow(RangeError);
      expect(Buffer.compare(arena.bytes, before)).toBe(0);
    });
  });

  test('seals more than 65535 bytes in the arena, but refuses so many bytes outside of it', () => {
    const length = 100_000;
    const place = arena.allocate(length + TAG);
    const expected = random(length + TAG, 4);
    place.set(expected);
    cipher.seal(1, place, 0, length);
    noble.seal(1, expected, 0, length);
    expect(Buffer.compare(place, expected)).toBe(0);
    expect(cipher.open(1, place, 0, length)).toBe(true);
    expect(() => cipher.seal(1, expected, 0, length)).toThrow(RangeError);
    expect(() => cipher.open(1, expected, 0, length)).toThrow(RangeError);
  });

  test('keeps the keys of all ciphers separate', () => {
    const keys = Array.from({ length: 1000 }, (_, i) => random(32, i));
    const ciphers = keys.map((key) => new WasmCipher(arena, key));
    for (let i = 0; i < 5000; i++) {
      const at = (i * 257) % keys.length;
      slab.fill(i, 0, 40);
      ciphers[at].seal(i, slab, 0, 40);
      const expected = new Uint8Array(40 + TAG).fill(i, 0, 40);
      nobleProvider.createCipher(keys[at]).seal(i, expected, 0, 40);
      expect(differs(slab, 0, expected)).toBe(false);
    }
    for (const each of ciphers) each.destroy();
  });

  test('opens messages in any order of their counters, with two keys in turn', () => {
    const keys = [random(32, 20), random(32, 21)];
    const ciphers = keys.map((key) => new WasmCipher(arena, key));
    const reference = keys.map((key) => nobleProvider.createCipher(key));
    // The counters stay within a group of four, go backwards, jump to other groups, and cross 2^32.
    const counters = [0, 3, 1, 2, 0, 9, 8, 4, 100, 2 ** 32 - 1, 2 ** 32, 2 ** 32 - 2, 2 ** 40 + 5];
    for (const length of [192, 193, 200, 208, 255, 256, 257]) {
      for (const [i, counter] of counters.entries()) {
        const plain = random(length, i);
        slab.set(plain);
        reference[i & 1].seal(counter, slab, 0, length);
        expect(ciphers[1 - (i & 1)].open(counter, slab, 0, length)).toBe(false);
        expect(ciphers[i & 1].open(counter + 1, slab, 0, length)).toBe(false);
        expect(ciphers[i & 1].open(counter, slab, 0, length), `${length}, ${counter}`).toBe(true);
        expect(differs(slab, 0, plain)).toBe(false);
      }
    }
    for (const each of ciphers) each.destroy();
    expect(() => ciphers[0].open(0, slab, 0, 208)).toThrow('the cipher was destroyed');
  });

  test('refuses a key that does not have 32 bytes', () => {
    expect(() => new WasmCipher(arena, new Uint8Array(31))).toThrow(
      '"key" expected 32 bytes, got 31',
    );
  });
});

function random(length: number, seed: number): Uint8Array {
  const out = new Uint8Array(length);
  seededRandomBytes(seed + 1)(out);
  return out;
}

function randomLengths(count: number): number[] {
  return [...new Uint16Array(random(2 * count, 5).buffer)];
}

function differs(buffer: Uint8Array, offset: number, expected: Uint8Array): boolean {
  return Buffer.compare(buffer.subarray(offset, offset + expected.length), expected) !== 0;
}

/** Marks the 64 bytes before and after a place. `isWhole`: whether all marks are unchanged. */
function surround(buffer: Uint8Array, offset: number, length: number): { isWhole: () => boolean } {
  const around = [
    buffer.subarray(Math.max(0, offset - 64), offset),
    buffer.subarray(offset + length, offset + length + 64),
  ];
  for (const bytes of around) bytes.fill(0xa5);
  return { isWhole: () => around.every((bytes) => bytes.every((byte) => byte === 0xa5)) };
}
