/**
 * BLAKE2s, RFC 7693, with or without a key. With SIMD, the 16 words of the working vector are four rows.
 * One instruction works on all four columns, and then on all four diagonals.
 */
import { moveBytes, RIGHT16, RIGHT8 } from './byte-moves';
import { copyRest, wipe } from './bytes';
import { HASH, HASHED, LAST_BLOCK } from './memory';

const IV0: u32 = 0x6a09e667, IV1: u32 = 0xbb67ae85, IV2: u32 = 0x3c6ef372, IV3: u32 = 0xa54ff53a;
const IV4: u32 = 0x510e527f, IV5: u32 = 0x9b05688c, IV6: u32 = 0x1f83d9ab, IV7: u32 = 0x5be0cd19;

/** The message schedule of section 2.7: for each of the ten rounds, the order of the words of the block. */
const SIGMA: usize = memory.data<u8>([
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
  14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3,
  11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4,
  7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8,
  9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13,
  2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9,
  12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11,
  13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10,
  6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5,
  10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0,
]);

/**
 * Begins a hash of `hashLength` bytes. If `keyLength` is not 0, the caller must first hash one block: the
 * key and zeros after it.
 */
export function beginHash(hashLength: u32, keyLength: u32): void {
  store<u32>(HASH, IV0 ^ 0x01010000 ^ (keyLength << 8) ^ hashLength);
  store<u32>(HASH, IV1, 4);
  store<u32>(HASH, IV2, 8);
  store<u32>(HASH, IV3, 12);
  store<u32>(HASH, IV4, 16);
  store<u32>(HASH, IV5, 20);
  store<u32>(HASH, IV6, 24);
  store<u32>(HASH, IV7, 28);
  store<u64>(HASHED, 0);
}

/** Hashes whole blocks of 64 bytes. The last block of a hash must go to `finishHash`, even if it is whole. */
export function updateHash(at: usize, length: i32): void {
  for (const end = at + length; at < end; at += 64) {
    store<u64>(HASHED, load<u64>(HASHED) + 64);
    compress(at, 0);
  }
}

/** Hashes the rest of the input, which can have any length. After that, the hash is at `HASH`. */
export function finishHash(at: usize, length: i32): void {
  const before = length <= 64 ? 0 : (length - 1) & -64;
  updateHash(at, before);
  at += before;
  const left = length - before;
  wipe(LAST_BLOCK, 64);
  let done = 0;
  for (; done + 16 <= left; done += 16) {
    store<u64>(LAST_BLOCK + done, load<u64>(at + done));
    store<u64>(LAST_BLOCK + done, load<u64>(at + done, 8), 8);
  }
  copyRest(LAST_BLOCK + done, at + done, left - done);
  store<u64>(HASHED, load<u64>(HASHED) + left);
  compress(LAST_BLOCK, 0xffffffff);
  store<u64>(HASHED, 0);
  wipe(LAST_BLOCK, 64);
}

/**
 * The compression function F of section 3.2: mixes one block into the state at `HASH`. The number of bytes
 * at `HASHED` must already include this block. `last` is 0xffffffff for the last block, else 0.
 */
export function compress(block: usize, last: u32): void {
  if (ASC_FEATURE_SIMD) compressRows(block, last);
  else compressWords(block, last);
}

// @ts-ignore: decorator
@inline
function compressRows(block: usize, last: u32): void {
  const h0 = v128.load(HASH), h1 = v128.load(HASH, 16);
  let a = h0;
  let b = h1;
  let c = i32x4(0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a);
  let d = i32x4(0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19);
  d = v128.xor(d, v128.load64_zero(HASHED));
  d = v128.xor(d, i32x4.replace_lane(i32x4.splat(0), 2, last));
  const by16 = v128.load(RIGHT16), by8 = v128.load(RIGHT8);
  for (let s = SIGMA; s < SIGMA + 160; s += 16) {
    a = i32x4.add(i32x4.add(a, b), words(block, s));
    d = moveBytes(v128.xor(d, a), by16);
    c = i32x4.add(c, d);
    b = rotate12(v128.xor(b, c));
    a = i32x4.add(i32x4.add(a, b), words(block, s + 1));
    d = moveBytes(v128.xor(d, a), by8);
    c = i32x4.add(c, d);
    b = rotate7(v128.xor(b, c));
    // Diagonals become columns.
    b = v128.shuffle<i32>(b, b, 1, 2, 3, 0);
    c = v128.shuffle<i32>(c, c, 2, 3, 0, 1);
    d = v128.shuffle<i32>(d, d, 3, 0, 1, 2);
    a = i32x4.add(i32x4.add(a, b), words(block, s + 8));
    d = moveBytes(v128.xor(d, a), by16);
    c = i32x4.add(c, d);
    b = rotate12(v128.xor(b, c));
    a = i32x4.add(i32x4.add(a, b), words(block, s + 9));
    d = moveBytes(v128.xor(d, a), by8);
    c = i32x4.add(c, d);
    b = rotate7(v128.xor(b, c));
    b = v128.shuffle<i32>(b, b, 3, 0, 1, 2);
    c = v128.shuffle<i32>(c, c, 2, 3, 0, 1);
    d = v128.shuffle<i32>(d, d, 1, 2, 3, 0);
  }
  v128.store(HASH, v128.xor(h0, v128.xor(a, c)));
  v128.store(HASH, v128.xor(h1, v128.xor(b, d)), 16);
}

/** Returns four words of the block. Their indices are at `sigma`, and 2, 4 and 6 bytes behind it. */
// @ts-ignore: decorator
@inline
function words(block: usize, sigma: usize): v128 {
  let row = v128.load32_zero(wordAt(block, sigma));
  row = v128.load32_lane(wordAt(block, sigma + 2), row, 1);
  row = v128.load32_lane(wordAt(block, sigma + 4), row, 2);
  return v128.load32_lane(wordAt(block, sigma + 6), row, 3);
}

// @ts-ignore: decorator
@inline
function wordAt(block: usize, sigma: usize): usize {
  return block + (<usize>load<u8>(sigma) << 2);
}

// @ts-ignore: decorator
@inline
function rotate12(x: v128): v128 {
  return v128.or(i32x4.shr_u(x, 12), i32x4.shl(x, 20));
}

// @ts-ignore: decorator
@inline
function rotate7(x: v128): v128 {
  return v128.or(i32x4.shr_u(x, 7), i32x4.shl(x, 25));
}

function compressWords(block: usize, last: u32): void {
  let v0 = load<u32>(HASH), v1 = load<u32>(HASH, 4), v2 = load<u32>(HASH, 8);
  let v3 = load<u32>(HASH, 12), v4 = load<u32>(HASH, 16), v5 = load<u32>(HASH, 20);
  let v6 = load<u32>(HASH, 24), v7 = load<u32>(HASH, 28);
  let v8 = IV0, v9 = IV1, v10 = IV2, v11 = IV3;
  let v12 = IV4 ^ load<u32>(HASHED), v13 = IV5 ^ load<u32>(HASHED, 4), v14 = IV6 ^ last, v15 = IV7;
  for (let s = SIGMA; s < SIGMA + 160; s += 16) {
    v0 += v4 + load<u32>(wordAt(block, s));
    v1 += v5 + load<u32>(wordAt(block, s + 2));
    v2 += v6 + load<u32>(wordAt(block, s + 4));
    v3 += v7 + load<u32>(wordAt(block, s + 6));
    v12 = rotr(v12 ^ v0, 16); v13 = rotr(v13 ^ v1, 16);
    v14 = rotr(v14 ^ v2, 16); v15 = rotr(v15 ^ v3, 16);
    v8 += v12; v9 += v13; v10 += v14; v11 += v15;
    v4 = rotr(v4 ^ v8, 12); v5 = rotr(v5 ^ v9, 12);
    v6 = rotr(v6 ^ v10, 12); v7 = rotr(v7 ^ v11, 12);
    v0 += v4 + load<u32>(wordAt(block, s + 1));
    v1 += v5 + load<u32>(wordAt(block, s + 3));
    v2 += v6 + load<u32>(wordAt(block, s + 5));
    v3 += v7 + load<u32>(wordAt(block, s + 7));
    v12 = rotr(v12 ^ v0, 8); v13 = rotr(v13 ^ v1, 8);
    v14 = rotr(v14 ^ v2, 8); v15 = rotr(v15 ^ v3, 8);
    v8 += v12; v9 += v13; v10 += v14; v11 += v15;
    v4 = rotr(v4 ^ v8, 7); v5 = rotr(v5 ^ v9, 7);
    v6 = rotr(v6 ^ v10, 7); v7 = rotr(v7 ^ v11, 7);

    v0 += v5 + load<u32>(wordAt(block, s + 8));
    v1 += v6 + load<u32>(wordAt(block, s + 10));
    v2 += v7 + load<u32>(wordAt(block, s + 12));
    v3 += v4 + load<u32>(wordAt(block, s + 14));
    v15 = rotr(v15 ^ v0, 16); v12 = rotr(v12 ^ v1, 16);
    v13 = rotr(v13 ^ v2, 16); v14 = rotr(v14 ^ v3, 16);
    v10 += v15; v11 += v12; v8 += v13; v9 += v14;
    v5 = rotr(v5 ^ v10, 12); v6 = rotr(v6 ^ v11, 12);
    v7 = rotr(v7 ^ v8, 12); v4 = rotr(v4 ^ v9, 12);
    v0 += v5 + load<u32>(wordAt(block, s + 9));
    v1 += v6 + load<u32>(wordAt(block, s + 11));
    v2 += v7 + load<u32>(wordAt(block, s + 13));
    v3 += v4 + load<u32>(wordAt(block, s + 15));
    v15 = rotr(v15 ^ v0, 8); v12 = rotr(v12 ^ v1, 8);
    v13 = rotr(v13 ^ v2, 8); v14 = rotr(v14 ^ v3, 8);
    v10 += v15; v11 += v12; v8 += v13; v9 += v14;
    v5 = rotr(v5 ^ v10, 7); v6 = rotr(v6 ^ v11, 7);
    v7 = rotr(v7 ^ v8, 7); v4 = rotr(v4 ^ v9, 7);
  }
  store<u32>(HASH, load<u32>(HASH) ^ v0 ^ v8);
  store<u32>(HASH, load<u32>(HASH, 4) ^ v1 ^ v9, 4);
  store<u32>(HASH, load<u32>(HASH, 8) ^ v2 ^ v10, 8);
  store<u32>(HASH, load<u32>(HASH, 12) ^ v3 ^ v11, 12);
  store<u32>(HASH, load<u32>(HASH, 16) ^ v4 ^ v12, 16);
  store<u32>(HASH, load<u32>(HASH, 20) ^ v5 ^ v13, 20);
  store<u32>(HASH, load<u32>(HASH, 24) ^ v6 ^ v14, 24);
  store<u32>(HASH, load<u32>(HASH, 28) ^ v7 ^ v15, 28);
}
