/**
 * `describeSealRun`: the part of the conformance suite that tests `sealRun`, which seals several
 * texts of one length at equal distances. The tests check what `sealRun` writes, and what it must
 * not change. The ciphers of the provider need not have a `sealRun` of their own: then core calls
 * `seal` for each text.
 *
 * @module
 */
import type { Cipher } from '@litz/core';
import { sealRun } from '@litz/core/internals';
import { expect } from 'vitest';
import type { Check } from './check.ts';
import { seededRandomBytes } from './seeded-random.ts';

export function describeSealRun(check: Check): void {
  check('sealRun: writes the same as seal one by one, and only where it may', (provider) => {
    const cipher = provider.createCipher(bytes(32, 99));
    for (const [i, length] of LENGTHS.entries()) {
      for (const [k, count] of COUNTS.entries()) {
        // These indices combine every count with every gap and every counter, and every length with
        // four of the gaps.
        const gap = GAPS[(i + k) % GAPS.length] ?? 0;
        const counter = COUNTERS[(i * 3 + k) % COUNTERS.length] ?? 0;
        const stride = length + TAG + FREE_SPACE + gap;
        const run = { counter, offset: MARGIN + FREE_SPACE + ((i + k) % 3), length, stride, count };
        expect({ ...run, mistake: mistakeOf(cipher, run) }).toEqual({ ...run, mistake: '' });
      }
    }
    cipher.destroy();
  });

  check('sealRun: does not affect how the cipher then seals and opens single texts', (provider) => {
    const cipher = provider.createCipher(bytes(32, 99));
    for (const length of [5, 64, 1420]) {
      const plain = bytes(length, length);
      const sealed = provider.aeadSeal(bytes(32, 99), 9, plain, new Uint8Array(0));
      mistakeOf(cipher, {
        counter: 9,
        offset: FREE_SPACE,
        length,
        stride: 2 * length + 512,
        count: 3,
      });
      const buffer = new Uint8Array(length + TAG);
      buffer.set(plain);
      cipher.seal(9, buffer, 0, length);
      expect(buffer).toEqual(sealed);
      mistakeOf(cipher, {
        counter: 9,
        offset: FREE_SPACE,
        length,
        stride: 2 * length + 512,
        count: 3,
      });
      expect(cipher.open(9, buffer, 0, length)).toBe(true);
      expect(buffer.subarray(0, length)).toEqual(plain);
    }
    cipher.destroy();
  });
}

interface Run {
  counter: number;
  offset: number;
  length: number;
  stride: number;
  count: number;
}

/** Seals a run and returns what is wrong with it; '' if it is right. */
function mistakeOf(cipher: Cipher, { counter, offset, length, stride, count }: Run): string {
  const end = offset + (count - 1) * stride + length + FREE_SPACE;
  // One of the counts uses memory that threads can share.
  const byteLength = end + MARGIN;
  const buffer = new Uint8Array(
    count === 7 ? new SharedArrayBuffer(byteLength) : new ArrayBuffer(byteLength),
  );
  buffer.set(bytes(byteLength, length + count));
  const before = Uint8Array.from(buffer);
  const expected = Uint8Array.from(buffer);
  sealRun(cipher, counter, buffer, offset, length, stride, count);
  for (let i = 0; i < count; i++) cipher.seal(counter + i, expected, offset + i * stride, length);
  let free = 0;
  for (let i = 0; i < count; i++) {
    const at = offset + i * stride;
    if (!isEqual(buffer, before, free, at - FREE_SPACE)) return `wrote in front of text ${i}`;
    if (!isEqual(buffer, expected, at, at + length)) return `text ${i}`;
    if (!isEqual(buffer, expected, at + length, at + length + TAG)) return `tag ${i}`;
    free = at + length + FREE_SPACE;
  }
  return isEqual(buffer, before, free, byteLength) ? '' : 'wrote behind the last text';
}

function isEqual(a: Uint8Array, b: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (a[i] !== b[i]) return false;
  return true;
}

function bytes(length: number, seed: number): Uint8Array {
  const out = new Uint8Array(length);
  seededRandomBytes(seed)(out);
  return out;
}

const LENGTHS: readonly number[] = [0, 1, 15, 16, 17, 63, 64, 65, 1420, 1424, 4096];
const COUNTS: readonly number[] = [1, 2, 7, 64];
/**
 * Distances between two texts, in bytes above the smallest distance that `sealRun` allows. With
 * fewer than 48, the space behind a text and the space in front of the next text overlap. With 48,
 * the two spaces are adjacent. With 300, there are bytes between them.
 */
const GAPS: readonly number[] = [0, 13, 16, 48, 300];
const COUNTERS: readonly number[] = [
  0,
  2 ** 31 - 2,
  2 ** 32 - 1,
  2 ** 32 - 3,
  2 ** 32,
  2 ** 45 + 3,
  2 ** 53 - 8194 - 64,
];
/** Bytes that a text needs in front and behind. */
const FREE_SPACE = 64;
const TAG = 16;
const MARGIN = 100;
