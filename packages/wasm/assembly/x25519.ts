/**
 * X25519, RFC 7748 section 5: the Montgomery ladder. No branch and no address depends on the scalar. An
 * element of the field has ten limbs, each in an i64. Limbs with an even number have 26 bits, the others 25.
 *
 * In all functions, `f`, `g`, `x`, `z` and `to` are addresses of elements.
 */
import { ELEMENTS, POINT, PRODUCT, SCALAR } from './memory';

const A24: i64 = 121665;
const MASK25: i64 = 0x1ffffff;
const MASK26: i64 = 0x3ffffff;

/**
 * Multiplies the scalar at `SCALAR` with the point whose u coordinate is at `POINT`. Writes the u coordinate
 * of the product to `PRODUCT`, and wipes the scalar and the point.
 */
export function multiplyPoint(): void {
  // Clamps the scalar (RFC 7748 section 5).
  store<u8>(SCALAR, load<u8>(SCALAR) & 248);
  store<u8>(SCALAR, (load<u8>(SCALAR, 31) & 127) | 64, 31);
  const x1 = element(0), x2 = element(1), z2 = element(2), x3 = element(3), z3 = element(4);
  const a = element(5), aa = element(6), b = element(7), bb = element(8);
  const e = element(9), c = element(10), d = element(11);
  decode(x1, POINT);
  set(x2, 1);
  set(z2, 0);
  memory.copy(x3, x1, 80);
  set(z3, 1);
  let swap: i64 = 0;
  for (let t: i32 = 254; t >= 0; t--) {
    const bit = <i64>((load<u8>(SCALAR + (t >> 3)) >> (<u8>t & 7)) & 1);
    exchange(swap ^ bit, x2, x3);
    exchange(swap ^ bit, z2, z3);
    swap = bit;
    // The names are those of the RFC.
    add(a, x2, z2);
    square(aa, a);
    subtract(b, x2, z2);
    square(bb, b);
    subtract(e, aa, bb);
    add(c, x3, z3);
    subtract(d, x3, z3);
    multiply(d, d, a);
    multiply(c, c, b);
    add(x3, d, c);
    square(x3, x3);
    subtract(z3, d, c);
    square(z3, z3);
    multiply(z3, z3, x1);
    multiply(x2, aa, bb);
    timesA24(z2, e);
    add(z2, z2, aa);
    multiply(z2, z2, e);
  }
  exchange(swap, x2, x3);
  exchange(swap, z2, z3);
  invert(z2);
  multiply(x2, x2, z2);
  encode(PRODUCT, x2);
  memory.fill(SCALAR, 0, 64);
  memory.fill(ELEMENTS, 0, 16 * 80);
}

// @ts-ignore: decorator
@inline
function element(index: usize): usize {
  return ELEMENTS + 80 * index;
}

function set(to: usize, value: i64): void {
  memory.fill(to, 0, 80);
  store<i64>(to, value);
}

function add(to: usize, f: usize, g: usize): void {
  for (let i: usize = 0; i < 80; i += 8) store<i64>(to + i, load<i64>(f + i) + load<i64>(g + i));
}

function subtract(to: usize, f: usize, g: usize): void {
  for (let i: usize = 0; i < 80; i += 8) store<i64>(to + i, load<i64>(f + i) - load<i64>(g + i));
}

/** Exchanges two elements if `swap` is 1. Takes the same time if it is 0. */
function exchange(swap: i64, f: usize, g: usize): void {
  const mask = -swap;
  for (let i: usize = 0; i < 80; i += 8) {
    const x = (load<i64>(f + i) ^ load<i64>(g + i)) & mask;
    store<i64>(f + i, load<i64>(f + i) ^ x);
    store<i64>(g + i, load<i64>(g + i) ^ x);
  }
}

function timesA24(to: usize, f: usize): void {
  reduce(
    to, load<i64>(f) * A24, load<i64>(f, 8) * A24, load<i64>(f, 16) * A24,
    load<i64>(f, 24) * A24, load<i64>(f, 32) * A24, load<i64>(f, 40) * A24,
    load<i64>(f, 48) * A24, load<i64>(f, 56) * A24, load<i64>(f, 64) * A24,
    load<i64>(f, 72) * A24,
  );
}

/**
 * The sums fit into an i64. A limb is at most a little more than 2^27 if the element is a sum or difference
 * of two reduced elements. So a product of two limbs, times 38, is less than 2^60. A sum has ten of these
 * products.
 */
function multiply(to: usize, f: usize, g: usize): void {
  const f0 = load<i64>(f), f1 = load<i64>(f, 8);
  const f2 = load<i64>(f, 16), f3 = load<i64>(f, 24);
  const f4 = load<i64>(f, 32), f5 = load<i64>(f, 40);
  const f6 = load<i64>(f, 48), f7 = load<i64>(f, 56);
  const f8 = load<i64>(f, 64), f9 = load<i64>(f, 72);
  const g0 = load<i64>(g), g1 = load<i64>(g, 8);
  const g2 = load<i64>(g, 16), g3 = load<i64>(g, 24);
  const g4 = load<i64>(g, 32), g5 = load<i64>(g, 40);
  const g6 = load<i64>(g, 48), g7 = load<i64>(g, 56);
  const g8 = load<i64>(g, 64), g9 = load<i64>(g, 72);
  // The product of two limbs with odd numbers counts twice, because these limbs have only 25 bits.
  // If the numbers of two limbs add up to 10 or more, 19 times their product is added to the limb
  // whose number is lower by 10, because 2^255 is 19 modulo p.
  const d1 = f1 * 2, d3 = f3 * 2, d5 = f5 * 2, d7 = f7 * 2, d9 = f9 * 2;
  const n1 = g1 * 19, n2 = g2 * 19, n3 = g3 * 19, n4 = g4 * 19, n5 = g5 * 19;
  const n6 = g6 * 19, n7 = g7 * 19, n8 = g8 * 19, n9 = g9 * 19;
  const p0 = f0 * g0 + d1 * n9 + f2 * n8 + d3 * n7 + f4 * n6
    + d5 * n5 + f6 * n4 + d7 * n3 + f8 * n2 + d9 * n1;
  const p1 = f0 * g1 + f1 * g0 + f2 * n9 + f3 * n8 + f4 * n7
    + f5 * n6 + f6 * n5 + f7 * n4 + f8 * n3 + f9 * n2;
  const p2 = f0 * g2 + d1 * g1 + f2 * g0 + d3 * n9 + f4 * n8
    + d5 * n7 + f6 * n6 + d7 * n5 + f8 * n4 + d9 * n3;
  const p3 = f0 * g3 + f1 * g2 + f2 * g1 + f3 * g0 + f4 * n9
    + f5 * n8 + f6 * n7 + f7 * n6 + f8 * n5 + f9 * n4;
  const p4 = f0 * g4 + d1 * g3 + f2 * g2 + d3 * g1 + f4 * g0
    + d5 * n9 + f6 * n8 + d7 * n7 + f8 * n6 + d9 * n5;
  const p5 = f0 * g5 + f1 * g4 + f2 * g3 + f3 * g2 + f4 * g1
    + f5 * g0 + f6 * n9 + f7 * n8 + f8 * n7 + f9 * n6;
  const p6 = f0 * g6 + d1 * g5 + f2 * g4 + d3 * g3 + f4 * g2
    + d5 * g1 + f6 * g0 + d7 * n9 + f8 * n8 + d9 * n7;
  const p7 = f0 * g7 + f1 * g6 + f2 * g5 + f3 * g4 + f4 * g3
    + f5 * g2 + f6 * g1 + f7 * g0 + f8 * n9 + f9 * n8;
  const p8 = f0 * g8 + d1 * g7 + f2 * g6 + d3 * g5 + f4 * g4
    + d5 * g3 + f6 * g2 + d7 * g1 + f8 * g0 + d9 * n9;
  const p9 = f0 * g9 + f1 * g8 + f2 * g7 + f3 * g6 + f4 * g5
    + f5 * g4 + f6 * g3 + f7 * g2 + f8 * g1 + f9 * g0;
  reduce(to, p0, p1, p2, p3, p4, p5, p6, p7, p8, p9);
}

/** Multiplies an element with itself. Each product of two different limbs is computed once and doubled. */
function square(to: usize, f: usize): void {
  const f0 = load<i64>(f), f1 = load<i64>(f, 8);
  const f2 = load<i64>(f, 16), f3 = load<i64>(f, 24);
  const f4 = load<i64>(f, 32), f5 = load<i64>(f, 40);
  const f6 = load<i64>(f, 48), f7 = load<i64>(f, 56);
  const f8 = load<i64>(f, 64), f9 = load<i64>(f, 72);
  const d0 = f0 * 2, d1 = f1 * 2, d2 = f2 * 2, d3 = f3 * 2, d4 = f4 * 2;
  const d5 = f5 * 2, d7 = f7 * 2;
  const n6 = f6 * 19, n8 = f8 * 19;
  const m5 = f5 * 38, m6 = f6 * 38, m7 = f7 * 38, m8 = f8 * 38, m9 = f9 * 38;
  const p0 = f0 * f0 + d1 * m9 + f2 * m8 + d3 * m7 + f4 * m6 + f5 * m5;
  const p1 = d0 * f1 + f2 * m9 + f3 * m8 + f4 * m7 + f5 * m6;
  const p2 = d0 * f2 + d1 * f1 + d3 * m9 + f4 * m8 + d5 * m7 + f6 * n6;
  const p3 = d0 * f3 + d1 * f2 + f4 * m9 + f5 * m8 + f6 * m7;
  const p4 = d0 * f4 + d1 * d3 + f2 * f2 + d5 * m9 + f6 * m8 + f7 * m7;
  const p5 = d0 * f5 + d1 * f4 + d2 * f3 + f6 * m9 + f7 * m8;
  const p6 = d0 * f6 + d1 * d5 + d2 * f4 + d3 * f3 + d7 * m9 + f8 * n8;
  const p7 = d0 * f7 + d1 * f6 + d2 * f5 + d3 * f4 + f8 * m9;
  const p8 = d0 * f8 + d1 * d7 + d2 * f6 + d3 * d5 + f4 * f4 + f9 * m9;
  const p9 = d0 * f9 + d1 * f8 + d2 * f7 + d3 * f6 + d4 * f5;
  reduce(to, p0, p1, p2, p3, p4, p5, p6, p7, p8, p9);
}

/**
 * Carries from each limb to the next, and from the last limb to the first, so that the limbs have 26 and 25
 * bits again. Writes the element to `to`.
 */
// @ts-ignore: decorator
@inline
function reduce(
  to: usize, p0: i64, p1: i64, p2: i64, p3: i64, p4: i64,
  p5: i64, p6: i64, p7: i64, p8: i64, p9: i64,
): void {
  p1 += p0 >> 26;
  p0 &= MASK26;
  p2 += p1 >> 25;
  p1 &= MASK25;
  p3 += p2 >> 26;
  p2 &= MASK26;
  p4 += p3 >> 25;
  p3 &= MASK25;
  p5 += p4 >> 26;
  p4 &= MASK26;
  p6 += p5 >> 25;
  p5 &= MASK25;
  p7 += p6 >> 26;
  p6 &= MASK26;
  p8 += p7 >> 25;
  p7 &= MASK25;
  p9 += p8 >> 26;
  p8 &= MASK26;
  p0 += (p9 >> 25) * 19;
  p9 &= MASK25;
  p1 += p0 >> 26;
  p0 &= MASK26;
  p2 += p1 >> 25;
  p1 &= MASK25;
  store<i64>(to, p0);
  store<i64>(to, p1, 8);
  store<i64>(to, p2, 16);
  store<i64>(to, p3, 24);
  store<i64>(to, p4, 32);
  store<i64>(to, p5, 40);
  store<i64>(to, p6, 48);
  store<i64>(to, p7, 56);
  store<i64>(to, p8, 64);
  store<i64>(to, p9, 72);
}

/** Inverts `z` in place: computes z^(p - 2), with the usual addition chain for 2^255 - 21. */
function invert(z: usize): void {
  const t0 = element(12), t1 = element(13), t2 = element(14), t3 = element(15);
  squares(t0, z, 1);
  squares(t1, t0, 2);
  multiply(t1, z, t1);
  multiply(t0, t0, t1);
  squares(t2, t0, 1);
  multiply(t1, t1, t2); // 2^5 - 1
  squares(t2, t1, 5);
  multiply(t1, t2, t1); // 2^10 - 1
  squares(t2, t1, 10);
  multiply(t2, t2, t1); // 2^20 - 1
  squares(t3, t2, 20);
  multiply(t2, t3, t2); // 2^40 - 1
  squares(t2, t2, 10);
  multiply(t1, t2, t1); // 2^50 - 1
  squares(t2, t1, 50);
  multiply(t2, t2, t1); // 2^100 - 1
  squares(t3, t2, 100);
  multiply(t2, t3, t2); // 2^200 - 1
  squares(t2, t2, 50);
  multiply(t1, t2, t1); // 2^250 - 1
  squares(t1, t1, 5);
  multiply(z, t1, t0); // 2^255 - 21
}

/** Squares `count` times. */
function squares(to: usize, f: usize, count: i32): void {
  square(to, f);
  for (let i = 1; i < count; i++) square(to, to);
}

/** Reads an element from the 32 bytes at `from`, and ignores the highest bit (RFC 7748 section 5). */
function decode(to: usize, from: usize): void {
  store<i64>(to, <i64>load<u32>(from) & MASK26);
  store<i64>(to, (<i64>load<u32>(from, 3) >> 2) & MASK25, 8);
  store<i64>(to, (<i64>load<u32>(from, 6) >> 3) & MASK26, 16);
  store<i64>(to, (<i64>load<u32>(from, 9) >> 5) & MASK25, 24);
  store<i64>(to, (<i64>load<u32>(from, 12) >> 6) & MASK26, 32);
  store<i64>(to, <i64>load<u32>(from, 16) & MASK25, 40);
  store<i64>(to, (<i64>load<u32>(from, 19) >> 1) & MASK26, 48);
  store<i64>(to, (<i64>load<u32>(from, 22) >> 3) & MASK25, 56);
  store<i64>(to, (<i64>load<u32>(from, 25) >> 4) & MASK26, 64);
  store<i64>(to, (<i64>load<u32>(from, 28) >> 6) & MASK25, 72);
}

/** Writes the element to `to` as 32 bytes: the number below p that it stands for. */
function encode(to: usize, f: usize): void {
  // Reduces twice, because the carry from the last limb to the first may cause another carry, which is at
  // most 1.
  for (let i = 0; i < 2; i++) {
    reduce(
      f, load<i64>(f), load<i64>(f, 8), load<i64>(f, 16), load<i64>(f, 24), load<i64>(f, 32),
      load<i64>(f, 40), load<i64>(f, 48), load<i64>(f, 56), load<i64>(f, 64), load<i64>(f, 72),
    );
  }
  // Adds 19. If that sets bit 255, the value was p or more. `carry` has this bit at the end.
  let carry: i64 = 19;
  for (let i: usize = 0; i < 10; i++) carry = (load<i64>(f + 8 * i) + carry) >> (26 - (i & 1));
  carry *= 19;
  for (let i: usize = 0; i < 10; i++) {
    const limb = load<i64>(f + 8 * i) + carry;
    carry = limb >> (26 - (i & 1));
    store<i64>(f + 8 * i, limb & (i & 1 ? MASK25 : MASK26));
  }
  const f0 = load<i64>(f), f1 = load<i64>(f, 8);
  const f2 = load<i64>(f, 16), f3 = load<i64>(f, 24);
  const f4 = load<i64>(f, 32), f5 = load<i64>(f, 40);
  const f6 = load<i64>(f, 48), f7 = load<i64>(f, 56);
  const f8 = load<i64>(f, 64), f9 = load<i64>(f, 72);
  store<i64>(to, f0 | (f1 << 26) | (f2 << 51));
  store<i64>(to, (f2 >> 13) | (f3 << 13) | (f4 << 38), 8);
  store<i64>(to, f5 | (f6 << 25) | (f7 << 51), 16);
  store<i64>(to, (f7 >> 13) | (f8 << 12) | (f9 << 38), 24);
}
