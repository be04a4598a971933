/**
 * BLAKE2s, RFC 7693: hash and keyed hash of bytes in one piece.
 */
import { BLOCK, HASH } from './memory';

const IV0: u32 = 0x6a09e667, IV1: u32 = 0xbb67ae85, IV2: u32 = 0x3c6ef372, IV3: u32 = 0xa54ff53a;
const IV4: u32 = 0x510e527f, IV5: u32 = 0x9b05688c, IV6: u32 = 0x1f83d9ab, IV7: u32 = 0x5be0cd19;

let h0: u32, h1: u32, h2: u32, h3: u32, h4: u32, h5: u32, h6: u32, h7: u32;
let v0: u32, v1: u32, v2: u32, v3: u32, v4: u32, v5: u32, v6: u32, v7: u32;
let v8: u32, v9: u32, v10: u32, v11: u32, v12: u32, v13: u32, v14: u32, v15: u32;
let m: usize;

/**
 * Of `length` bytes at `at` to 32 bytes at `HASH`, of which the first `outLength` are the hash. Behind
 * the bytes 64 more are overwritten with zeros. A keyed hash has the key, padded to 64 bytes, in front
 * of the bytes, counted in `length`.
 */
export function blake2s(at: usize, length: i32, outLength: u32, keyLength: u32): void {
  h0 = IV0 ^ 0x01010000 ^ (keyLength << 8) ^ outLength;
  h1 = IV1; h2 = IV2; h3 = IV3; h4 = IV4; h5 = IV5; h6 = IV6; h7 = IV7;
  memory.fill(at + length, 0, 64);
  let done: i32 = 0;
  for (; length - done > 64; ) {
    done += 64;
    compress(at, done, 0);
    at += 64;
  }
  compress(at, length, 0xffffffff);
  store<u32>(HASH, h0); store<u32>(HASH, h1, 4); store<u32>(HASH, h2, 8); store<u32>(HASH, h3, 12);
  store<u32>(HASH, h4, 16); store<u32>(HASH, h5, 20); store<u32>(HASH, h6, 24); store<u32>(HASH, h7, 28);
  wipe();
}

function compress(block: usize, count: u32, last: u32): void {
  m = block;
  v0 = h0; v1 = h1; v2 = h2; v3 = h3; v4 = h4; v5 = h5; v6 = h6; v7 = h7;
  v8 = IV0; v9 = IV1; v10 = IV2; v11 = IV3; v12 = IV4 ^ count; v13 = IV5; v14 = IV6 ^ last; v15 = IV7;
  round(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  round(14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3);
  round(11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4);
  round(7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8);
  round(9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13);
  round(2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9);
  round(12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11);
  round(13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10);
  round(6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5);
  round(10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0);
  h0 ^= v0 ^ v8; h1 ^= v1 ^ v9; h2 ^= v2 ^ v10; h3 ^= v3 ^ v11;
  h4 ^= v4 ^ v12; h5 ^= v5 ^ v13; h6 ^= v6 ^ v14; h7 ^= v7 ^ v15;
}

/** RFC 7693 section 3.2, with the words of SIGMA's row as arguments. */
function round(
  a: usize, b: usize, c: usize, d: usize, e: usize, f: usize, g: usize, h: usize,
  i: usize, j: usize, k: usize, l: usize, o: usize, p: usize, q: usize, r: usize,
): void {
  let x0 = v0, x1 = v1, x2 = v2, x3 = v3, x4 = v4, x5 = v5, x6 = v6, x7 = v7;
  let x8 = v8, x9 = v9, x10 = v10, x11 = v11, x12 = v12, x13 = v13, x14 = v14, x15 = v15;
  x0 += x4 + word(a); x1 += x5 + word(c); x2 += x6 + word(e); x3 += x7 + word(g);
  x12 = rotr(x12 ^ x0, 16); x13 = rotr(x13 ^ x1, 16); x14 = rotr(x14 ^ x2, 16); x15 = rotr(x15 ^ x3, 16);
  x8 += x12; x9 += x13; x10 += x14; x11 += x15;
  x4 = rotr(x4 ^ x8, 12); x5 = rotr(x5 ^ x9, 12); x6 = rotr(x6 ^ x10, 12); x7 = rotr(x7 ^ x11, 12);
  x0 += x4 + word(b); x1 += x5 + word(d); x2 += x6 + word(f); x3 += x7 + word(h);
  x12 = rotr(x12 ^ x0, 8); x13 = rotr(x13 ^ x1, 8); x14 = rotr(x14 ^ x2, 8); x15 = rotr(x15 ^ x3, 8);
  x8 += x12; x9 += x13; x10 += x14; x11 += x15;
  x4 = rotr(x4 ^ x8, 7); x5 = rotr(x5 ^ x9, 7); x6 = rotr(x6 ^ x10, 7); x7 = rotr(x7 ^ x11, 7);
  x0 += x5 + word(i); x1 += x6 + word(k); x2 += x7 + word(o); x3 += x4 + word(q);
  x15 = rotr(x15 ^ x0, 16); x12 = rotr(x12 ^ x1, 16); x13 = rotr(x13 ^ x2, 16); x14 = rotr(x14 ^ x3, 16);
  x10 += x15; x11 += x12; x8 += x13; x9 += x14;
  x5 = rotr(x5 ^ x10, 12); x6 = rotr(x6 ^ x11, 12); x7 = rotr(x7 ^ x8, 12); x4 = rotr(x4 ^ x9, 12);
  x0 += x5 + word(j); x1 += x6 + word(l); x2 += x7 + word(p); x3 += x4 + word(r);
  x15 = rotr(x15 ^ x0, 8); x12 = rotr(x12 ^ x1, 8); x13 = rotr(x13 ^ x2, 8); x14 = rotr(x14 ^ x3, 8);
  x10 += x15; x11 += x12; x8 += x13; x9 += x14;
  x5 = rotr(x5 ^ x10, 7); x6 = rotr(x6 ^ x11, 7); x7 = rotr(x7 ^ x8, 7); x4 = rotr(x4 ^ x9, 7);
  v0 = x0; v1 = x1; v2 = x2; v3 = x3; v4 = x4; v5 = x5; v6 = x6; v7 = x7;
  v8 = x8; v9 = x9; v10 = x10; v11 = x11; v12 = x12; v13 = x13; v14 = x14; v15 = x15;
}

// @ts-ignore: decorator
@inline
function word(index: usize): u32 {
  return load<u32>(m + (index << 2));
}

function wipe(): void {
  h0 = h1 = h2 = h3 = h4 = h5 = h6 = h7 = 0;
  v0 = v1 = v2 = v3 = v4 = v5 = v6 = v7 = 0;
  v8 = v9 = v10 = v11 = v12 = v13 = v14 = v15 = 0;
  store<u64>(BLOCK, 0);
}
