import { describe, expect, it } from 'vitest';
import { referenceBlake2s } from '../src/reference-blake2s.ts';
import { readVectors, toHex } from '../src/vectors.ts';

describe('referenceBlake2s', () => {
  const { selfTest } = readVectors('rfc/rfc7693.json') as Rfc7693;

  it('passes the self-test of RFC 7693 appendix E', () => {
    const hashes: Uint8Array[] = [];
    for (const length of selfTest.digestLengths) {
      for (const inputLength of selfTest.inputLengths) {
        const input = sequence(inputLength, inputLength);
        hashes.push(referenceBlake2s(length, input));
        hashes.push(referenceBlake2s(length, input, sequence(length, length)));
      }
    }
    const all = new Uint8Array(Buffer.concat(hashes));
    expect(toHex(referenceBlake2s(32, all))).toBe(selfTest.hash);
  });
});

/** RFC 7693 appendix E, selftest_seq. */
function sequence(length: number, seed: number): Uint8Array {
  let a = Math.imul(0xdead4bad, seed) >>> 0;
  let b = 1;
  return Uint8Array.from({ length }, () => {
    const t = (a + b) >>> 0;
    a = b;
    b = t;
    return t >>> 24;
  });
}

interface Rfc7693 {
  selfTest: { digestLengths: number[]; inputLengths: number[]; hash: string };
}
