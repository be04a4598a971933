/**
 * ChaCha20, RFC 8439 section 2.3: four blocks at a time, one in each lane; without SIMD one by one.
 */
import { HASH, KEY } from './memory';

/** Writes the key stream of blocks `counter` to `counter + 3`, 256 bytes. */
export function writeStream(counter: u32, n0: u32, n1: u32, n2: u32, to: usize): void {
  if (ASC_FEATURE_SIMD) fourBlocks(counter, n0, n1, n2, to, false);
  else for (let i: u32 = 0; i < 4; i++) oneBlock(counter + i, n0, n1, n2, to + 64 * i, false);
}

/** Adds the key stream of these blocks to 256 bytes, in place. */
export function addStream(counter: u32, n0: u32, n1: u32, n2: u32, to: usize): void {
  if (ASC_FEATURE_SIMD) fourBlocks(counter, n0, n1, n2, to, true);
  else for (let i: u32 = 0; i < 4; i++) oneBlock(counter + i, n0, n1, n2, to + 64 * i, true);
}

// @ts-ignore: decorator
@inline
function fourBlocks(counter: u32, n0: u32, n1: u32, n2: u32, to: usize, adds: bool): void {
  const c0 = i32x4.splat(0x61707865), c1 = i32x4.splat(0x3320646e);
  const c2 = i32x4.splat(0x79622d32), c3 = i32x4.splat(0x6b206574);
  const counters = i32x4.add(i32x4.splat(counter), i32x4(0, 1, 2, 3));
  const s13 = i32x4.splat(n0), s14 = i32x4.splat(n1), s15 = i32x4.splat(n2);
  let x0 = c0, x1 = c1, x2 = c2, x3 = c3;
  let x4 = v128.load32_splat(KEY), x5 = v128.load32_splat(KEY, 4);
  let x6 = v128.load32_splat(KEY, 8), x7 = v128.load32_splat(KEY, 12);
  let x8 = v128.load32_splat(KEY, 16), x9 = v128.load32_splat(KEY, 20);
  let x10 = v128.load32_splat(KEY, 24), x11 = v128.load32_splat(KEY, 28);
  let x12 = counters, x13 = s13, x14 = s14, x15 = s15;
  for (let round = 0; round < 10; round++) {
    // Columns: the four quarter rounds side by side, so that none waits for itself.
    x0 = i32x4.add(x0, x4); x1 = i32x4.add(x1, x5); x2 = i32x4.add(x2, x6); x3 = i32x4.add(x3, x7);
    x12 = rotate16(v128.xor(x12, x0)); x13 = rotate16(v128.xor(x13, x1)); x14 = rotate16(v128.xor(x14, x2)); x15 = rotate16(v128.xor(x15, x3));
    x8 = i32x4.add(x8, x12); x9 = i32x4.add(x9, x13); x10 = i32x4.add(x10, x14); x11 = i32x4.add(x11, x15);
    x4 = rotate12(v128.xor(x4, x8)); x5 = rotate12(v128.xor(x5, x9)); x6 = rotate12(v128.xor(x6, x10)); x7 = rotate12(v128.xor(x7, x11));
    x0 = i32x4.add(x0, x4); x1 = i32x4.add(x1, x5); x2 = i32x4.add(x2, x6); x3 = i32x4.add(x3, x7);
    x12 = rotate8(v128.xor(x12, x0)); x13 = rotate8(v128.xor(x13, x1)); x14 = rotate8(v128.xor(x14, x2)); x15 = rotate8(v128.xor(x15, x3));
    x8 = i32x4.add(x8, x12); x9 = i32x4.add(x9, x13); x10 = i32x4.add(x10, x14); x11 = i32x4.add(x11, x15);
    x4 = rotate7(v128.xor(x4, x8)); x5 = rotate7(v128.xor(x5, x9)); x6 = rotate7(v128.xor(x6, x10)); x7 = rotate7(v128.xor(x7, x11));
    // Diagonals.
    x0 = i32x4.add(x0, x5); x1 = i32x4.add(x1, x6); x2 = i32x4.add(x2, x7); x3 = i32x4.add(x3, x4);
    x15 = rotate16(v128.xor(x15, x0)); x12 = rotate16(v128.xor(x12, x1)); x13 = rotate16(v128.xor(x13, x2)); x14 = rotate16(v128.xor(x14, x3));
    x10 = i32x4.add(x10, x15); x11 = i32x4.add(x11, x12); x8 = i32x4.add(x8, x13); x9 = i32x4.add(x9, x14);
    x5 = rotate12(v128.xor(x5, x10)); x6 = rotate12(v128.xor(x6, x11)); x7 = rotate12(v128.xor(x7, x8)); x4 = rotate12(v128.xor(x4, x9));
    x0 = i32x4.add(x0, x5); x1 = i32x4.add(x1, x6); x2 = i32x4.add(x2, x7); x3 = i32x4.add(x3, x4);
    x15 = rotate8(v128.xor(x15, x0)); x12 = rotate8(v128.xor(x12, x1)); x13 = rotate8(v128.xor(x13, x2)); x14 = rotate8(v128.xor(x14, x3));
    x10 = i32x4.add(x10, x15); x11 = i32x4.add(x11, x12); x8 = i32x4.add(x8, x13); x9 = i32x4.add(x9, x14);
    x5 = rotate7(v128.xor(x5, x10)); x6 = rotate7(v128.xor(x6, x11)); x7 = rotate7(v128.xor(x7, x8)); x4 = rotate7(v128.xor(x4, x9));
  }
  x0 = i32x4.add(x0, c0); x1 = i32x4.add(x1, c1); x2 = i32x4.add(x2, c2); x3 = i32x4.add(x3, c3);
  store4(x0, x1, x2, x3, to, adds);
  x4 = i32x4.add(x4, v128.load32_splat(KEY)); x5 = i32x4.add(x5, v128.load32_splat(KEY, 4));
  x6 = i32x4.add(x6, v128.load32_splat(KEY, 8)); x7 = i32x4.add(x7, v128.load32_splat(KEY, 12));
  store4(x4, x5, x6, x7, to + 16, adds);
  x8 = i32x4.add(x8, v128.load32_splat(KEY, 16)); x9 = i32x4.add(x9, v128.load32_splat(KEY, 20));
  x10 = i32x4.add(x10, v128.load32_splat(KEY, 24)); x11 = i32x4.add(x11, v128.load32_splat(KEY, 28));
  store4(x8, x9, x10, x11, to + 32, adds);
  x12 = i32x4.add(x12, counters); x13 = i32x4.add(x13, s13); x14 = i32x4.add(x14, s14); x15 = i32x4.add(x15, s15);
  store4(x12, x13, x14, x15, to + 48, adds);
}

/** Four words of four blocks: 16 bytes of each block. */
// @ts-ignore: decorator
@inline
function store4(a: v128, b: v128, c: v128, d: v128, to: usize, adds: bool): void {
  const ab0 = v128.shuffle<i32>(a, b, 0, 4, 1, 5), cd0 = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
  const ab1 = v128.shuffle<i32>(a, b, 2, 6, 3, 7), cd1 = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
  put(to, v128.shuffle<i64>(ab0, cd0, 0, 2), adds);
  put(to + 64, v128.shuffle<i64>(ab0, cd0, 1, 3), adds);
  put(to + 128, v128.shuffle<i64>(ab1, cd1, 0, 2), adds);
  put(to + 192, v128.shuffle<i64>(ab1, cd1, 1, 3), adds);
}

// @ts-ignore: decorator
@inline
function put(to: usize, stream: v128, adds: bool): void {
  v128.store(to, adds ? v128.xor(v128.load(to), stream) : stream);
}

// @ts-ignore: decorator
@inline
function rotate16(x: v128): v128 {
  return i8x16.shuffle(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
}
// @ts-ignore: decorator
@inline
function rotate8(x: v128): v128 {
  return i8x16.shuffle(x, x, 3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14);
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

let s0: u32, s1: u32, s2: u32, s3: u32, s4: u32, s5: u32, s6: u32, s7: u32;
let s8: u32, s9: u32, s10: u32, s11: u32, s12: u32, s13: u32, s14: u32, s15: u32;

/** The 20 rounds, from the words in `s0` to `s15` to the same. */
function rounds(): void {
  let x0 = s0, x1 = s1, x2 = s2, x3 = s3, x4 = s4, x5 = s5, x6 = s6, x7 = s7;
  let x8 = s8, x9 = s9, x10 = s10, x11 = s11, x12 = s12, x13 = s13, x14 = s14, x15 = s15;
  for (let round = 0; round < 10; round++) {
    x0 += x4; x1 += x5; x2 += x6; x3 += x7;
    x12 = rotl(x12 ^ x0, 16); x13 = rotl(x13 ^ x1, 16); x14 = rotl(x14 ^ x2, 16); x15 = rotl(x15 ^ x3, 16);
    x8 += x12; x9 += x13; x10 += x14; x11 += x15;
    x4 = rotl(x4 ^ x8, 12); x5 = rotl(x5 ^ x9, 12); x6 = rotl(x6 ^ x10, 12); x7 = rotl(x7 ^ x11, 12);
    x0 += x4; x1 += x5; x2 += x6; x3 += x7;
    x12 = rotl(x12 ^ x0, 8); x13 = rotl(x13 ^ x1, 8); x14 = rotl(x14 ^ x2, 8); x15 = rotl(x15 ^ x3, 8);
    x8 += x12; x9 += x13; x10 += x14; x11 += x15;
    x4 = rotl(x4 ^ x8, 7); x5 = rotl(x5 ^ x9, 7); x6 = rotl(x6 ^ x10, 7); x7 = rotl(x7 ^ x11, 7);
    x0 += x5; x1 += x6; x2 += x7; x3 += x4;
    x15 = rotl(x15 ^ x0, 16); x12 = rotl(x12 ^ x1, 16); x13 = rotl(x13 ^ x2, 16); x14 = rotl(x14 ^ x3, 16);
    x10 += x15; x11 += x12; x8 += x13; x9 += x14;
    x5 = rotl(x5 ^ x10, 12); x6 = rotl(x6 ^ x11, 12); x7 = rotl(x7 ^ x8, 12); x4 = rotl(x4 ^ x9, 12);
    x0 += x5; x1 += x6; x2 += x7; x3 += x4;
    x15 = rotl(x15 ^ x0, 8); x12 = rotl(x12 ^ x1, 8); x13 = rotl(x13 ^ x2, 8); x14 = rotl(x14 ^ x3, 8);
    x10 += x15; x11 += x12; x8 += x13; x9 += x14;
    x5 = rotl(x5 ^ x10, 7); x6 = rotl(x6 ^ x11, 7); x7 = rotl(x7 ^ x8, 7); x4 = rotl(x4 ^ x9, 7);
  }
  s0 = x0; s1 = x1; s2 = x2; s3 = x3; s4 = x4; s5 = x5; s6 = x6; s7 = x7;
  s8 = x8; s9 = x9; s10 = x10; s11 = x11; s12 = x12; s13 = x13; s14 = x14; s15 = x15;
}

/** The initial state, with the key at `KEY`. */
function begin(w12: u32, w13: u32, w14: u32, w15: u32): void {
  s0 = 0x61707865; s1 = 0x3320646e; s2 = 0x79622d32; s3 = 0x6b206574;
  s4 = load<u32>(KEY); s5 = load<u32>(KEY, 4); s6 = load<u32>(KEY, 8); s7 = load<u32>(KEY, 12);
  s8 = load<u32>(KEY, 16); s9 = load<u32>(KEY, 20); s10 = load<u32>(KEY, 24); s11 = load<u32>(KEY, 28);
  s12 = w12; s13 = w13; s14 = w14; s15 = w15;
}

function oneBlock(counter: u32, n0: u32, n1: u32, n2: u32, to: usize, adds: bool): void {
  begin(counter, n0, n1, n2);
  rounds();
  word(to, s0 + 0x61707865, adds); word(to + 4, s1 + 0x3320646e, adds);
  word(to + 8, s2 + 0x79622d32, adds); word(to + 12, s3 + 0x6b206574, adds);
  word(to + 16, s4 + load<u32>(KEY), adds); word(to + 20, s5 + load<u32>(KEY, 4), adds);
  word(to + 24, s6 + load<u32>(KEY, 8), adds); word(to + 28, s7 + load<u32>(KEY, 12), adds);
  word(to + 32, s8 + load<u32>(KEY, 16), adds); word(to + 36, s9 + load<u32>(KEY, 20), adds);
  word(to + 40, s10 + load<u32>(KEY, 24), adds); word(to + 44, s11 + load<u32>(KEY, 28), adds);
  word(to + 48, s12 + counter, adds); word(to + 52, s13 + n0, adds);
  word(to + 56, s14 + n1, adds); word(to + 60, s15 + n2, adds);
  wipeState();
}

// @ts-ignore: decorator
@inline
function word(to: usize, stream: u32, adds: bool): void {
  store<u32>(to, adds ? load<u32>(to) ^ stream : stream);
}

/**
 * HChaCha20 (draft-irtf-cfrg-xchacha-03, section 2.2): from the key at `KEY` and a nonce of 16 bytes to
 * a key of 32 bytes at `HASH`.
 */
export function hchacha20(w0: u32, w1: u32, w2: u32, w3: u32): void {
  begin(w0, w1, w2, w3);
  rounds();
  store<u32>(HASH, s0); store<u32>(HASH, s1, 4); store<u32>(HASH, s2, 8); store<u32>(HASH, s3, 12);
  store<u32>(HASH, s12, 16); store<u32>(HASH, s13, 20); store<u32>(HASH, s14, 24); store<u32>(HASH, s15, 28);
  wipeState();
}

function wipeState(): void {
  begin(0, 0, 0, 0);
  s4 = s5 = s6 = s7 = s8 = s9 = s10 = s11 = 0;
}
