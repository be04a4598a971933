/**
 * Poly1305, RFC 8439 section 2.5, over whole blocks of 16 bytes: 26-bit limbs, so that sums of products
 * fit into 64 bits. With SIMD four blocks at a time, each lane on its way to its own power of r.
 */
import { BLOCK, POWERS, TAG } from './memory';

const MASK: u64 = 0x3ffffff;
/** From this many bytes on the powers of r pay for themselves. */
const LANES_PAY: i32 = 256;

let h0: u64, h1: u64, h2: u64, h3: u64, h4: u64;
let r0: u64, r1: u64, r2: u64, r3: u64, r4: u64;
let k0: u32, k1: u32, k2: u32, k3: u32;

/** Begins with the one-time key of 32 bytes at `key`. */
export function begin(key: usize): void {
  k0 = load<u32>(key, 16); k1 = load<u32>(key, 20); k2 = load<u32>(key, 24); k3 = load<u32>(key, 28);
  // Clamped: RFC 8439 section 2.5.
  r0 = <u64>load<u32>(key) & 0x3ffffff;
  r1 = (<u64>load<u32>(key, 3) >> 2) & 0x3ffff03;
  r2 = (<u64>load<u32>(key, 6) >> 4) & 0x3ffc0ff;
  r3 = (<u64>load<u32>(key, 9) >> 6) & 0x3f03fff;
  r4 = (<u64>load<u32>(key, 12) >> 8) & 0x00fffff;
  h0 = h1 = h2 = h3 = h4 = 0;
}

/** Takes bytes and zeros up to a whole block. */
export function update(at: usize, length: i32): void {
  if (ASC_FEATURE_SIMD) {
    if (length >= LANES_PAY) {
      const lanes = length & -64;
      updateLanes(at, lanes);
      at += lanes;
      length -= lanes;
    }
  }
  const whole = length & -16;
  blocks(at, whole);
  const rest = length & 15;
  if (rest === 0) return;
  store<u64>(BLOCK, 0);
  store<u64>(BLOCK, 0, 8);
  memory.copy(BLOCK, at + whole, rest);
  blocks(BLOCK, 16);
}

/** The last block of an AEAD: both lengths in 64 bits. */
export function updateLengths(authLength: i32, length: i32): void {
  store<u64>(BLOCK, authLength);
  store<u64>(BLOCK, length, 8);
  blocks(BLOCK, 16);
}

function blocks(at: usize, length: i32): void {
  const s1 = r1 * 5, s2 = r2 * 5, s3 = r3 * 5, s4 = r4 * 5;
  let a0 = h0, a1 = h1, a2 = h2, a3 = h3, a4 = h4;
  for (const end = at + length; at < end; at += 16) {
    a0 += <u64>load<u32>(at) & MASK;
    a1 += (<u64>load<u32>(at, 3) >> 2) & MASK;
    a2 += (<u64>load<u32>(at, 6) >> 4) & MASK;
    a3 += <u64>load<u32>(at, 9) >> 6;
    a4 += (<u64>load<u32>(at, 12) >> 8) | (1 << 24);
    const d0 = a0 * r0 + a1 * s4 + a2 * s3 + a3 * s2 + a4 * s1;
    let d1 = a0 * r1 + a1 * r0 + a2 * s4 + a3 * s3 + a4 * s2;
    let d2 = a0 * r2 + a1 * r1 + a2 * r0 + a3 * s4 + a4 * s3;
    let d3 = a0 * r3 + a1 * r2 + a2 * r1 + a3 * r0 + a4 * s4;
    let d4 = a0 * r4 + a1 * r3 + a2 * r2 + a3 * r1 + a4 * r0;
    d1 += d0 >> 26; a0 = d0 & MASK;
    d2 += d1 >> 26; a1 = d1 & MASK;
    d3 += d2 >> 26; a2 = d2 & MASK;
    d4 += d3 >> 26; a3 = d3 & MASK;
    a0 += (d4 >> 26) * 5; a4 = d4 & MASK;
    a1 += a0 >> 26; a0 &= MASK;
  }
  h0 = a0; h1 = a1; h2 = a2; h3 = a3; h4 = a4;
}

/** Writes the tag to `TAG`, and forgets the key. */
export function finish(): void {
  // All carries, then h - p if that is not negative.
  let c = h1 >> 26; h1 &= MASK;
  h2 += c; c = h2 >> 26; h2 &= MASK;
  h3 += c; c = h3 >> 26; h3 &= MASK;
  h4 += c; c = h4 >> 26; h4 &= MASK;
  h0 += c * 5; c = h0 >> 26; h0 &= MASK;
  h1 += c;
  let g0 = h0 + 5; c = g0 >> 26; g0 &= MASK;
  let g1 = h1 + c; c = g1 >> 26; g1 &= MASK;
  let g2 = h2 + c; c = g2 >> 26; g2 &= MASK;
  let g3 = h3 + c; c = g3 >> 26; g3 &= MASK;
  const g4 = h4 + c - (1 << 26);
  const keep = (g4 >> 63) * <u64>-1;
  h0 = (h0 & keep) | (g0 & ~keep);
  h1 = (h1 & keep) | (g1 & ~keep);
  h2 = (h2 & keep) | (g2 & ~keep);
  h3 = (h3 & keep) | (g3 & ~keep);
  h4 = (h4 & keep) | (g4 & ~keep);
  // Plus the second half of the key, modulo 2^128.
  let f = ((h0 | (h1 << 26)) & 0xffffffff) + <u64>k0;
  store<u32>(TAG, <u32>f);
  f = (((h1 >> 6) | (h2 << 20)) & 0xffffffff) + <u64>k1 + (f >> 32);
  store<u32>(TAG, <u32>f, 4);
  f = (((h2 >> 12) | (h3 << 14)) & 0xffffffff) + <u64>k2 + (f >> 32);
  store<u32>(TAG, <u32>f, 8);
  f = (((h3 >> 18) | (h4 << 8)) & 0xffffffff) + <u64>k3 + (f >> 32);
  store<u32>(TAG, <u32>f, 12);
  h0 = h1 = h2 = h3 = h4 = 0;
  r0 = r1 = r2 = r3 = r4 = 0;
  k0 = k1 = k2 = k3 = 0;
}

/** A multiple of 64 bytes, at least 64. */
function updateLanes(at: usize, length: i32): void {
  writePowers();
  const mask = i32x4.splat(<i32>MASK), mask64 = i64x2.splat(MASK), high = i32x4.splat(1 << 24);
  // r^4 for every lane; for the last four blocks r^4, r^3, r^2, r.
  let m0 = v128.load32_splat(POWERS, 60), m1 = v128.load32_splat(POWERS, 64);
  let m2 = v128.load32_splat(POWERS, 68), m3 = v128.load32_splat(POWERS, 72), m4 = v128.load32_splat(POWERS, 76);
  let f1 = times5(m1), f2 = times5(m2), f3 = times5(m3), f4 = times5(m4);
  let b0 = i32x4(<i32>h0, 0, 0, 0), b1 = i32x4(<i32>h1, 0, 0, 0), b2 = i32x4(<i32>h2, 0, 0, 0);
  let b3 = i32x4(<i32>h3, 0, 0, 0), b4 = i32x4(<i32>h4, 0, 0, 0);
  for (const end = at + length; at < end; at += 64) {
    if (at + 64 === end) {
      m0 = lastPowers(0); m1 = lastPowers(4); m2 = lastPowers(8); m3 = lastPowers(12); m4 = lastPowers(16);
      f1 = times5(m1); f2 = times5(m2); f3 = times5(m3); f4 = times5(m4);
    }
    const t0 = v128.load(at), t1 = v128.load(at, 16), t2 = v128.load(at, 32), t3 = v128.load(at, 48);
    const u0 = v128.shuffle<i32>(t0, t1, 0, 4, 1, 5), u1 = v128.shuffle<i32>(t2, t3, 0, 4, 1, 5);
    const u2 = v128.shuffle<i32>(t0, t1, 2, 6, 3, 7), u3 = v128.shuffle<i32>(t2, t3, 2, 6, 3, 7);
    const w0 = v128.shuffle<i64>(u0, u1, 0, 2), w1 = v128.shuffle<i64>(u0, u1, 1, 3);
    const w2 = v128.shuffle<i64>(u2, u3, 0, 2), w3 = v128.shuffle<i64>(u2, u3, 1, 3);
    b0 = i32x4.add(b0, v128.and(w0, mask));
    b1 = i32x4.add(b1, v128.and(v128.or(i32x4.shr_u(w0, 26), i32x4.shl(w1, 6)), mask));
    b2 = i32x4.add(b2, v128.and(v128.or(i32x4.shr_u(w1, 20), i32x4.shl(w2, 12)), mask));
    b3 = i32x4.add(b3, v128.and(v128.or(i32x4.shr_u(w2, 14), i32x4.shl(w3, 18)), mask));
    b4 = i32x4.add(b4, v128.or(i32x4.shr_u(w3, 8), high));
    let l0 = low(b0, b1, b2, b3, b4, m0, f4, f3, f2, f1), n0 = hi(b0, b1, b2, b3, b4, m0, f4, f3, f2, f1);
    let l1 = low(b0, b1, b2, b3, b4, m1, m0, f4, f3, f2), n1 = hi(b0, b1, b2, b3, b4, m1, m0, f4, f3, f2);
    let l2 = low(b0, b1, b2, b3, b4, m2, m1, m0, f4, f3), n2 = hi(b0, b1, b2, b3, b4, m2, m1, m0, f4, f3);
    let l3 = low(b0, b1, b2, b3, b4, m3, m2, m1, m0, f4), n3 = hi(b0, b1, b2, b3, b4, m3, m2, m1, m0, f4);
    let l4 = low(b0, b1, b2, b3, b4, m4, m3, m2, m1, m0), n4 = hi(b0, b1, b2, b3, b4, m4, m3, m2, m1, m0);
    // Two carry chains beside each other: 0 -> 1 -> 2 and 3 -> 4 -> 0.
    l1 = i64x2.add(l1, i64x2.shr_u(l0, 26)); l0 = v128.and(l0, mask64);
    n1 = i64x2.add(n1, i64x2.shr_u(n0, 26)); n0 = v128.and(n0, mask64);
    l4 = i64x2.add(l4, i64x2.shr_u(l3, 26)); l3 = v128.and(l3, mask64);
    n4 = i64x2.add(n4, i64x2.shr_u(n3, 26)); n3 = v128.and(n3, mask64);
    l2 = i64x2.add(l2, i64x2.shr_u(l1, 26)); l1 = v128.and(l1, mask64);
    n2 = i64x2.add(n2, i64x2.shr_u(n1, 26)); n1 = v128.and(n1, mask64);
    const lq = i64x2.shr_u(l4, 26), nq = i64x2.shr_u(n4, 26);
    l0 = i64x2.add(l0, i64x2.add(lq, i64x2.shl(lq, 2))); l4 = v128.and(l4, mask64);
    n0 = i64x2.add(n0, i64x2.add(nq, i64x2.shl(nq, 2))); n4 = v128.and(n4, mask64);
    l3 = i64x2.add(l3, i64x2.shr_u(l2, 26)); l2 = v128.and(l2, mask64);
    n3 = i64x2.add(n3, i64x2.shr_u(n2, 26)); n2 = v128.and(n2, mask64);
    l1 = i64x2.add(l1, i64x2.shr_u(l0, 26)); l0 = v128.and(l0, mask64);
    n1 = i64x2.add(n1, i64x2.shr_u(n0, 26)); n0 = v128.and(n0, mask64);
    l4 = i64x2.add(l4, i64x2.shr_u(l3, 26)); l3 = v128.and(l3, mask64);
    n4 = i64x2.add(n4, i64x2.shr_u(n3, 26)); n3 = v128.and(n3, mask64);
    b0 = v128.shuffle<i32>(l0, n0, 0, 2, 4, 6); b1 = v128.shuffle<i32>(l1, n1, 0, 2, 4, 6);
    b2 = v128.shuffle<i32>(l2, n2, 0, 2, 4, 6); b3 = v128.shuffle<i32>(l3, n3, 0, 2, 4, 6);
    b4 = v128.shuffle<i32>(l4, n4, 0, 2, 4, 6);
  }
  h0 = sum(b0); h1 = sum(b1); h2 = sum(b2); h3 = sum(b3); h4 = sum(b4);
  carry();
}

/** r to r^4 at `POWERS`. */
function writePowers(): void {
  const a0 = h0, a1 = h1, a2 = h2, a3 = h3, a4 = h4;
  h0 = r0; h1 = r1; h2 = r2; h3 = r3; h4 = r4;
  writePower(0);
  for (let i = 1; i < 4; i++) {
    timesR();
    writePower(20 * i);
  }
  h0 = a0; h1 = a1; h2 = a2; h3 = a3; h4 = a4;
}

function writePower(offset: usize): void {
  const at = POWERS + offset;
  store<u32>(at, <u32>h0); store<u32>(at, <u32>h1, 4); store<u32>(at, <u32>h2, 8);
  store<u32>(at, <u32>h3, 12); store<u32>(at, <u32>h4, 16);
}

function timesR(): void {
  const s1 = r1 * 5, s2 = r2 * 5, s3 = r3 * 5, s4 = r4 * 5;
  const d0 = h0 * r0 + h1 * s4 + h2 * s3 + h3 * s2 + h4 * s1;
  const d1 = h0 * r1 + h1 * r0 + h2 * s4 + h3 * s3 + h4 * s2;
  const d2 = h0 * r2 + h1 * r1 + h2 * r0 + h3 * s4 + h4 * s3;
  const d3 = h0 * r3 + h1 * r2 + h2 * r1 + h3 * r0 + h4 * s4;
  const d4 = h0 * r4 + h1 * r3 + h2 * r2 + h3 * r1 + h4 * r0;
  h0 = d0; h1 = d1; h2 = d2; h3 = d3; h4 = d4;
  carry();
}

function carry(): void {
  h1 += h0 >> 26; h0 &= MASK;
  h2 += h1 >> 26; h1 &= MASK;
  h3 += h2 >> 26; h2 &= MASK;
  h4 += h3 >> 26; h3 &= MASK;
  h0 += (h4 >> 26) * 5; h4 &= MASK;
  h1 += h0 >> 26; h0 &= MASK;
}

/** One limb of r^4, r^3, r^2, r. */
// @ts-ignore: decorator
@inline
function lastPowers(offset: usize): v128 {
  const at = POWERS + offset;
  return i32x4.replace_lane(i32x4.replace_lane(i32x4.replace_lane(
    i32x4.splat(load<i32>(at, 60)), 1, load<i32>(at, 40)), 2, load<i32>(at, 20)), 3, load<i32>(at));
}

// @ts-ignore: decorator
@inline
function times5(x: v128): v128 {
  return i32x4.add(x, i32x4.shl(x, 2));
}

// @ts-ignore: decorator
@inline
function sum(x: v128): u64 {
  return <u64><u32>i32x4.extract_lane(x, 0) + <u64><u32>i32x4.extract_lane(x, 1)
    + <u64><u32>i32x4.extract_lane(x, 2) + <u64><u32>i32x4.extract_lane(x, 3);
}

// @ts-ignore: decorator
@inline
function low(a: v128, b: v128, c: v128, d: v128, e: v128, p: v128, q: v128, r: v128, s: v128, t: v128): v128 {
  return i64x2.add(i64x2.add(i64x2.add(i64x2.extmul_low_i32x4_u(a, p), i64x2.extmul_low_i32x4_u(b, q)),
    i64x2.add(i64x2.extmul_low_i32x4_u(c, r), i64x2.extmul_low_i32x4_u(d, s))), i64x2.extmul_low_i32x4_u(e, t));
}

// @ts-ignore: decorator
@inline
function hi(a: v128, b: v128, c: v128, d: v128, e: v128, p: v128, q: v128, r: v128, s: v128, t: v128): v128 {
  return i64x2.add(i64x2.add(i64x2.add(i64x2.extmul_high_i32x4_u(a, p), i64x2.extmul_high_i32x4_u(b, q)),
    i64x2.add(i64x2.extmul_high_i32x4_u(c, r), i64x2.extmul_high_i32x4_u(d, s))), i64x2.extmul_high_i32x4_u(e, t));
}
