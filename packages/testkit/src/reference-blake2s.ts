/**
 * BLAKE2s as RFC 7693 describes it, slow and obvious. Use it only in tests. It is needed because
 * Node's crypto has no keyed BLAKE2s, and the implementation under test must not check itself.
 *
 * @module
 */

/**
 * Returns the hash (RFC 7693, section 3.3). `outputLength` is 1 to 32, `key` has at most 32 bytes.
 */
export function referenceBlake2s(
  outputLength: number,
  input: Uint8Array,
  key: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const h = [...IV];
  h[0] = (at(h, 0) ^ 0x01010000 ^ (key.length << 8) ^ outputLength) >>> 0;
  const keyBlock = key.length > 0 ? 64 : 0;
  const padded = Math.max(64, Math.ceil((keyBlock + input.length) / 64) * 64);
  const data = new Uint8Array(padded);
  data.set(key);
  data.set(input, keyBlock);
  for (let i = 0; i < padded; i += 64) {
    const isLast = i + 64 === padded;
    const count = isLast ? keyBlock + input.length : i + 64;
    compress(h, words(data.subarray(i, i + 64)), count, isLast);
  }
  const out = new Uint8Array(32);
  const view = new DataView(out.buffer);
  h.forEach((word, i) => view.setUint32(4 * i, word, true));
  return out.slice(0, outputLength);
}

/** RFC 7693 section 3.2. */
function compress(h: number[], m: readonly number[], count: number, isLast: boolean): void {
  const v = [...h, ...IV];
  v[12] = (at(v, 12) ^ count) >>> 0;
  if (isLast) v[14] = ~at(v, 14) >>> 0;
  for (const s of SIGMA) {
    const word = (i: number): number => at(m, at(s, i));
    mix(v, 0, 4, 8, 12, word(0), word(1));
    mix(v, 1, 5, 9, 13, word(2), word(3));
    mix(v, 2, 6, 10, 14, word(4), word(5));
    mix(v, 3, 7, 11, 15, word(6), word(7));
    mix(v, 0, 5, 10, 15, word(8), word(9));
    mix(v, 1, 6, 11, 12, word(10), word(11));
    mix(v, 2, 7, 8, 13, word(12), word(13));
    mix(v, 3, 4, 9, 14, word(14), word(15));
  }
  for (let i = 0; i < 8; i++) h[i] = (at(h, i) ^ at(v, i) ^ at(v, i + 8)) >>> 0;
}

/** RFC 7693 section 3.1. */
// oxlint-disable-next-line max-params -- these are the parameters of G in the RFC
function mix(v: number[], a: number, b: number, c: number, d: number, x: number, y: number): void {
  v[a] = (at(v, a) + at(v, b) + x) >>> 0;
  v[d] = rotateRight(at(v, d) ^ at(v, a), 16);
  v[c] = (at(v, c) + at(v, d)) >>> 0;
  v[b] = rotateRight(at(v, b) ^ at(v, c), 12);
  v[a] = (at(v, a) + at(v, b) + y) >>> 0;
  v[d] = rotateRight(at(v, d) ^ at(v, a), 8);
  v[c] = (at(v, c) + at(v, d)) >>> 0;
  v[b] = rotateRight(at(v, b) ^ at(v, c), 7);
}

function rotateRight(word: number, bits: number): number {
  return ((word >>> bits) | (word << (32 - bits))) >>> 0;
}

function words(block: Uint8Array): number[] {
  const view = new DataView(block.buffer, block.byteOffset, 64);
  return Array.from({ length: 16 }, (_, i) => view.getUint32(4 * i, true));
}

function at(list: readonly number[], i: number): number {
  return list[i] ?? 0;
}

const IV: readonly number[] = [
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
];

/** RFC 7693 section 2.7. */
const SIGMA: readonly (readonly number[])[] = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
  [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
  [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
  [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
  [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
  [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
  [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
  [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
  [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];
