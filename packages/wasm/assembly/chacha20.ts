/**
 * ChaCha20, RFC 8439 section 2.3. With SIMD it computes four blocks at a time, one in each lane of 32 bits.
 * Without SIMD it computes them one after the other.
 *
 * The vector instructions of ChaCha20 do not use the multiplier of the processor. Poly1305 uses little else
 * than the multiplier. So one loop computes four blocks of ChaCha20 and takes other bytes into Poly1305.
 * This loop needs 25 % more time than ChaCha20 alone. Two loops, one after the other, would need nearly
 * 50 % more than ChaCha20 alone.
 *
 * In all functions, `key` is the address of 32 bytes, and `n0`, `n1` and `n2` are the nonce. If `adds` is
 * true, the key stream is added (exclusive or) to the bytes at `to`. If not, it overwrites them.
 */
import { LEFT16, LEFT8, moveBytes } from './byte-moves';
import { POLY1305 } from './memory';
import { absorb, MASK34, ONE } from './poly1305';

/** The most bytes that Poly1305 takes in one call of `fourBlocks`: 32 in each of the ten double rounds. */
export const ABSORBED: usize = 320;

/**
 * Computes blocks `counter` to `counter` + 3 of the key stream, and writes or adds them to the 256 bytes at
 * `to`. Poly1305 takes the bytes from `at` to `end`, but at most `ABSORBED`. They are whole blocks of 16
 * bytes, and do not overlap the bytes at `to`.
 */
export function fourBlocks(
  key: usize, counter: u32, n0: u32, n1: u32, n2: u32,
  to: usize, adds: bool, at: usize, end: usize,
): void {
  if (ASC_FEATURE_SIMD) {
    const counters = i32x4.add(i32x4.splat(counter), i32x4(0, 1, 2, 3));
    inLanes(key, counters, n0, i32x4.splat(n1), n2, to, adds, at, end);
  } else {
    for (let i: u32 = 0; i < 4; i++) oneBlock(key, counter + i, n0, n1, n2, to + 64 * i, adds);
    absorb(at, min(at + ABSORBED, end));
  }
}

/**
 * Writes block 0 of four key streams to the 256 bytes at `to`. The streams belong to four consecutive
 * messages. The first word of each nonce is 0, and the last word is `n2`. The word between them is
 * `n1` for the first message, `n1` + 1 for the second, and so on.
 */
export function firstBlocks(key: usize, n1: u32, n2: u32, to: usize): void {
  if (ASC_FEATURE_SIMD) {
    const nonces = i32x4.add(i32x4.splat(n1), i32x4(0, 1, 2, 3));
    inLanes(key, i32x4.splat(0), 0, nonces, n2, to, false, 0, 0);
  } else {
    for (let i: u32 = 0; i < 4; i++) oneBlock(key, 0, 0, n1 + i, n2, to + 64 * i, false);
  }
}

/**
 * Writes blocks 0 and 1 of the key stream to the 128 bytes at `to`. With SIMD, a vector is a row of four
 * words of one block. If each lane had a block of its own, two of the four lanes would be empty.
 */
export function twoBlocks(key: usize, n0: u32, n1: u32, n2: u32, to: usize): void {
  if (ASC_FEATURE_SIMD) {
    inRows(key, n0, n1, n2, to);
  } else {
    for (let i: u32 = 0; i < 2; i++) oneBlock(key, i, n0, n1, n2, to + 64 * i, false);
  }
}

// @ts-ignore: decorator
@inline
function inLanes(
  key: usize, counters: v128, n0: u32, n1: v128, n2: u32,
  to: usize, adds: bool, at: usize, end: usize,
): void {
  const r0 = load<u64>(POLY1305, 32), r1 = load<u64>(POLY1305, 40);
  const r2 = load<u64>(POLY1305, 48), r3 = load<u64>(POLY1305, 56);
  const s1 = r1 + (r1 >> 2), s2 = r2 + (r2 >> 2), s3 = r3 + (r3 >> 2);
  let h0 = load<u64>(POLY1305), h1 = load<u64>(POLY1305, 8), h2 = load<u64>(POLY1305, 16);
  let h3 = load<u64>(POLY1305, 24);
  const c0 = i32x4.splat(0x61707865), c1 = i32x4.splat(0x3320646e);
  const c2 = i32x4.splat(0x79622d32), c3 = i32x4.splat(0x6b206574);
  let x0 = c0, x1 = c1, x2 = c2, x3 = c3;
  let x4 = v128.load32_splat(key), x5 = v128.load32_splat(key, 4);
  let x6 = v128.load32_splat(key, 8), x7 = v128.load32_splat(key, 12);
  let x8 = v128.load32_splat(key, 16), x9 = v128.load32_splat(key, 20);
  let x10 = v128.load32_splat(key, 24), x11 = v128.load32_splat(key, 28);
  let x12 = counters, x13 = i32x4.splat(n0), x14 = n1, x15 = i32x4.splat(n2);
  const by16 = v128.load(LEFT16), by8 = v128.load(LEFT8);
  for (let round = 0; round < 10; round++) {
    // The columns, then the diagonals. The instructions of four quarter rounds alternate, so that none
    // waits for the result of the one before.
    x0 = i32x4.add(x0, x4); x1 = i32x4.add(x1, x5);
    x2 = i32x4.add(x2, x6); x3 = i32x4.add(x3, x7);
    x12 = moveBytes(v128.xor(x12, x0), by16); x13 = moveBytes(v128.xor(x13, x1), by16);
    x14 = moveBytes(v128.xor(x14, x2), by16); x15 = moveBytes(v128.xor(x15, x3), by16);
    x8 = i32x4.add(x8, x12); x9 = i32x4.add(x9, x13);
    x10 = i32x4.add(x10, x14); x11 = i32x4.add(x11, x15);
    x4 = rotate12(v128.xor(x4, x8)); x5 = rotate12(v128.xor(x5, x9));
    x6 = rotate12(v128.xor(x6, x10)); x7 = rotate12(v128.xor(x7, x11));
    x0 = i32x4.add(x0, x4); x1 = i32x4.add(x1, x5);
    x2 = i32x4.add(x2, x6); x3 = i32x4.add(x3, x7);
    x12 = moveBytes(v128.xor(x12, x0), by8); x13 = moveBytes(v128.xor(x13, x1), by8);
    x14 = moveBytes(v128.xor(x14, x2), by8); x15 = moveBytes(v128.xor(x15, x3), by8);
    x8 = i32x4.add(x8, x12); x9 = i32x4.add(x9, x13);
    x10 = i32x4.add(x10, x14); x11 = i32x4.add(x11, x15);
    x4 = rotate7(v128.xor(x4, x8)); x5 = rotate7(v128.xor(x5, x9));
    x6 = rotate7(v128.xor(x6, x10)); x7 = rotate7(v128.xor(x7, x11));

    x0 = i32x4.add(x0, x5); x1 = i32x4.add(x1, x6);
    x2 = i32x4.add(x2, x7); x3 = i32x4.add(x3, x4);
    x15 = moveBytes(v128.xor(x15, x0), by16); x12 = moveBytes(v128.xor(x12, x1), by16);
    x13 = moveBytes(v128.xor(x13, x2), by16); x14 = moveBytes(v128.xor(x14, x3), by16);
    x10 = i32x4.add(x10, x15); x11 = i32x4.add(x11, x12);
    x8 = i32x4.add(x8, x13); x9 = i32x4.add(x9, x14);
    x5 = rotate12(v128.xor(x5, x10)); x6 = rotate12(v128.xor(x6, x11));
    x7 = rotate12(v128.xor(x7, x8)); x4 = rotate12(v128.xor(x4, x9));
    x0 = i32x4.add(x0, x5); x1 = i32x4.add(x1, x6);
    x2 = i32x4.add(x2, x7); x3 = i32x4.add(x3, x4);
    x15 = moveBytes(v128.xor(x15, x0), by8); x12 = moveBytes(v128.xor(x12, x1), by8);
    x13 = moveBytes(v128.xor(x13, x2), by8); x14 = moveBytes(v128.xor(x14, x3), by8);
    x10 = i32x4.add(x10, x15); x11 = i32x4.add(x11, x12);
    x8 = i32x4.add(x8, x13); x9 = i32x4.add(x9, x14);
    x5 = rotate7(v128.xor(x5, x10)); x6 = rotate7(v128.xor(x6, x11));
    x7 = rotate7(v128.xor(x7, x8)); x4 = rotate7(v128.xor(x4, x9));

    // The loop of `absorb`, for two blocks. It is written out, because V8 unrolls such a loop only in some
    // versions.
    if (at < end) {
      h0 += load<u32>(at);
      h1 += load<u32>(at, 4);
      h2 += load<u32>(at, 8);
      h3 += load<u32>(at, 12) + ONE;
      const d0 = h1 * s3 + h2 * s2 + h3 * s1 + h0 * r0;
      const d1 = h1 * r0 + h2 * s3 + h3 * s2 + h0 * r1 + (d0 >> 32);
      const d2 = h1 * r1 + h2 * r0 + h3 * s3 + h0 * r2 + (d1 >> 32);
      const d3 = h1 * r2 + h2 * r1 + h3 * r0 + h0 * r3 + (d2 >> 32);
      h0 = <u64>(<u32>d0) + (d3 >> 34) * 5;
      h1 = <u64>(<u32>d1);
      h2 = <u64>(<u32>d2);
      h3 = d3 & MASK34;
      at += 16;
      if (at < end) {
        h0 += load<u32>(at);
        h1 += load<u32>(at, 4);
        h2 += load<u32>(at, 8);
        h3 += load<u32>(at, 12) + ONE;
        const d0 = h1 * s3 + h2 * s2 + h3 * s1 + h0 * r0;
        const d1 = h1 * r0 + h2 * s3 + h3 * s2 + h0 * r1 + (d0 >> 32);
        const d2 = h1 * r1 + h2 * r0 + h3 * s3 + h0 * r2 + (d1 >> 32);
        const d3 = h1 * r2 + h2 * r1 + h3 * r0 + h0 * r3 + (d2 >> 32);
        h0 = <u64>(<u32>d0) + (d3 >> 34) * 5;
        h1 = <u64>(<u32>d1);
        h2 = <u64>(<u32>d2);
        h3 = d3 & MASK34;
        at += 16;
      }
    }
  }
  store<u64>(POLY1305, h0);
  store<u64>(POLY1305, h1, 8);
  store<u64>(POLY1305, h2, 16);
  store<u64>(POLY1305, h3, 24);
  x0 = i32x4.add(x0, c0), x1 = i32x4.add(x1, c1);
  x2 = i32x4.add(x2, c2), x3 = i32x4.add(x3, c3);
  storeWords(x0, x1, x2, x3, to, adds);
  x4 = plusSplat(x4, key), x5 = plusSplat(x5, key + 4);
  x6 = plusSplat(x6, key + 8), x7 = plusSplat(x7, key + 12);
  storeWords(x4, x5, x6, x7, to + 16, adds);
  x8 = plusSplat(x8, key + 16), x9 = plusSplat(x9, key + 20);
  x10 = plusSplat(x10, key + 24), x11 = plusSplat(x11, key + 28);
  storeWords(x8, x9, x10, x11, to + 32, adds);
  x12 = i32x4.add(x12, counters), x13 = i32x4.add(x13, i32x4.splat(n0));
  x14 = i32x4.add(x14, n1), x15 = i32x4.add(x15, i32x4.splat(n2));
  storeWords(x12, x13, x14, x15, to + 48, adds);
}

/** Writes four words of each of the four blocks, 64 bytes apart. Transposes them from lanes to rows. */
// @ts-ignore: decorator
@inline
function storeWords(a: v128, b: v128, c: v128, d: v128, to: usize, adds: bool): void {
  const ab0 = v128.shuffle<i32>(a, b, 0, 4, 1, 5), cd0 = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
  const ab1 = v128.shuffle<i32>(a, b, 2, 6, 3, 7), cd1 = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
  let w0 = v128.shuffle<i64>(ab0, cd0, 0, 2), w1 = v128.shuffle<i64>(ab0, cd0, 1, 3);
  let w2 = v128.shuffle<i64>(ab1, cd1, 0, 2), w3 = v128.shuffle<i64>(ab1, cd1, 1, 3);
  if (adds) {
    w0 = v128.xor(w0, v128.load(to));
    w1 = v128.xor(w1, v128.load(to, 64));
    w2 = v128.xor(w2, v128.load(to, 128));
    w3 = v128.xor(w3, v128.load(to, 192));
  }
  v128.store(to, w0);
  v128.store(to, w1, 64);
  v128.store(to, w2, 128);
  v128.store(to, w3, 192);
}

// @ts-ignore: decorator
@inline
function plusSplat(x: v128, at: usize): v128 {
  return i32x4.add(x, v128.load32_splat(at));
}

// @ts-ignore: decorator
@inline
function inRows(key: usize, n0: u32, n1: u32, n2: u32, to: usize): void {
  const row0 = i32x4(0x61707865, 0x3320646e, 0x79622d32, 0x6b206574);
  const row1 = v128.load(key), row2 = v128.load(key, 16);
  let row3 = i32x4.replace_lane(i32x4.splat(0), 1, n0);
  row3 = i32x4.replace_lane(i32x4.replace_lane(row3, 2, n1), 3, n2);
  const next = i32x4.replace_lane(row3, 0, 1);
  let a = row0, b = row1, c = row2, d = row3;
  let e = row0, f = row1, g = row2, h = next;
  const by16 = v128.load(LEFT16), by8 = v128.load(LEFT8);
  for (let round = 0; round < 10; round++) {
    a = i32x4.add(a, b), e = i32x4.add(e, f);
    d = moveBytes(v128.xor(d, a), by16), h = moveBytes(v128.xor(h, e), by16);
    c = i32x4.add(c, d), g = i32x4.add(g, h);
    b = rotate12(v128.xor(b, c)), f = rotate12(v128.xor(f, g));
    a = i32x4.add(a, b), e = i32x4.add(e, f);
    d = moveBytes(v128.xor(d, a), by8), h = moveBytes(v128.xor(h, e), by8);
    c = i32x4.add(c, d), g = i32x4.add(g, h);
    b = rotate7(v128.xor(b, c)), f = rotate7(v128.xor(f, g));
    // Diagonals become columns.
    b = v128.shuffle<i32>(b, b, 1, 2, 3, 0), f = v128.shuffle<i32>(f, f, 1, 2, 3, 0);
    c = v128.shuffle<i32>(c, c, 2, 3, 0, 1), g = v128.shuffle<i32>(g, g, 2, 3, 0, 1);
    d = v128.shuffle<i32>(d, d, 3, 0, 1, 2), h = v128.shuffle<i32>(h, h, 3, 0, 1, 2);
    a = i32x4.add(a, b), e = i32x4.add(e, f);
    d = moveBytes(v128.xor(d, a), by16), h = moveBytes(v128.xor(h, e), by16);
    c = i32x4.add(c, d), g = i32x4.add(g, h);
    b = rotate12(v128.xor(b, c)), f = rotate12(v128.xor(f, g));
    a = i32x4.add(a, b), e = i32x4.add(e, f);
    d = moveBytes(v128.xor(d, a), by8), h = moveBytes(v128.xor(h, e), by8);
    c = i32x4.add(c, d), g = i32x4.add(g, h);
    b = rotate7(v128.xor(b, c)), f = rotate7(v128.xor(f, g));
    b = v128.shuffle<i32>(b, b, 3, 0, 1, 2), f = v128.shuffle<i32>(f, f, 3, 0, 1, 2);
    c = v128.shuffle<i32>(c, c, 2, 3, 0, 1), g = v128.shuffle<i32>(g, g, 2, 3, 0, 1);
    d = v128.shuffle<i32>(d, d, 1, 2, 3, 0), h = v128.shuffle<i32>(h, h, 1, 2, 3, 0);
  }
  v128.store(to, i32x4.add(a, row0));
  v128.store(to, i32x4.add(b, row1), 16);
  v128.store(to, i32x4.add(c, row2), 32);
  v128.store(to, i32x4.add(d, row3), 48);
  v128.store(to, i32x4.add(e, row0), 64);
  v128.store(to, i32x4.add(f, row1), 80);
  v128.store(to, i32x4.add(g, row2), 96);
  v128.store(to, i32x4.add(h, next), 112);
}

// @ts-ignore: decorator
@inline
function rotate12(x: v128): v128 {
  return v128.or(i32x4.shl(x, 12), i32x4.shr_u(x, 20));
}

// @ts-ignore: decorator
@inline
function rotate7(x: v128): v128 {
  return v128.or(i32x4.shl(x, 7), i32x4.shr_u(x, 25));
}

function oneBlock(
  key: usize, counter: u32, n0: u32, n1: u32, n2: u32, to: usize, adds: bool,
): void {
  let x0: u32 = 0x61707865, x1: u32 = 0x3320646e, x2: u32 = 0x79622d32, x3: u32 = 0x6b206574;
  let x4 = load<u32>(key), x5 = load<u32>(key, 4), x6 = load<u32>(key, 8);
  let x7 = load<u32>(key, 12), x8 = load<u32>(key, 16), x9 = load<u32>(key, 20);
  let x10 = load<u32>(key, 24), x11 = load<u32>(key, 28);
  let x12 = counter, x13 = n0, x14 = n1, x15 = n2;
  for (let round = 0; round < 10; round++) {
    x0 += x4; x1 += x5; x2 += x6; x3 += x7;
    x12 = rotl(x12 ^ x0, 16); x13 = rotl(x13 ^ x1, 16);
    x14 = rotl(x14 ^ x2, 16); x15 = rotl(x15 ^ x3, 16);
    x8 += x12; x9 += x13; x10 += x14; x11 += x15;
    x4 = rotl(x4 ^ x8, 12); x5 = rotl(x5 ^ x9, 12);
    x6 = rotl(x6 ^ x10, 12); x7 = rotl(x7 ^ x11, 12);
    x0 += x4; x1 += x5; x2 += x6; x3 += x7;
    x12 = rotl(x12 ^ x0, 8); x13 = rotl(x13 ^ x1, 8);
    x14 = rotl(x14 ^ x2, 8); x15 = rotl(x15 ^ x3, 8);
    x8 += x12; x9 += x13; x10 += x14; x11 += x15;
    x4 = rotl(x4 ^ x8, 7); x5 = rotl(x5 ^ x9, 7);
    x6 = rotl(x6 ^ x10, 7); x7 = rotl(x7 ^ x11, 7);

    x0 += x5; x1 += x6; x2 += x7; x3 += x4;
    x15 = rotl(x15 ^ x0, 16); x12 = rotl(x12 ^ x1, 16);
    x13 = rotl(x13 ^ x2, 16); x14 = rotl(x14 ^ x3, 16);
    x10 += x15; x11 += x12; x8 += x13; x9 += x14;
    x5 = rotl(x5 ^ x10, 12); x6 = rotl(x6 ^ x11, 12);
    x7 = rotl(x7 ^ x8, 12); x4 = rotl(x4 ^ x9, 12);
    x0 += x5; x1 += x6; x2 += x7; x3 += x4;
    x15 = rotl(x15 ^ x0, 8); x12 = rotl(x12 ^ x1, 8);
    x13 = rotl(x13 ^ x2, 8); x14 = rotl(x14 ^ x3, 8);
    x10 += x15; x11 += x12; x8 += x13; x9 += x14;
    x5 = rotl(x5 ^ x10, 7); x6 = rotl(x6 ^ x11, 7);
    x7 = rotl(x7 ^ x8, 7); x4 = rotl(x4 ^ x9, 7);
  }
  const mask: u32 = adds ? 0xffffffff : 0;
  put(to, x0 + 0x61707865, mask);
  put(to + 4, x1 + 0x3320646e, mask);
  put(to + 8, x2 + 0x79622d32, mask);
  put(to + 12, x3 + 0x6b206574, mask);
  put(to + 16, x4 + load<u32>(key), mask);
  put(to + 20, x5 + load<u32>(key, 4), mask);
  put(to + 24, x6 + load<u32>(key, 8), mask);
  put(to + 28, x7 + load<u32>(key, 12), mask);
  put(to + 32, x8 + load<u32>(key, 16), mask);
  put(to + 36, x9 + load<u32>(key, 20), mask);
  put(to + 40, x10 + load<u32>(key, 24), mask);
  put(to + 44, x11 + load<u32>(key, 28), mask);
  put(to + 48, x12 + counter, mask);
  put(to + 52, x13 + n0, mask);
  put(to + 56, x14 + n1, mask);
  put(to + 60, x15 + n2, mask);
}

// @ts-ignore: decorator
@inline
function put(to: usize, stream: u32, mask: u32): void {
  store<u32>(to, (load<u32>(to) & mask) ^ stream);
}
