/**
 * Poly1305, RFC 8439 section 2.5. A number is three words of 32 bits and one of 34, each in a u64. A block
 * needs 16 multiplications. The processor starts one in each cycle.
 *
 * A sum of four products fits into 64 bits, because a word of r has at most 28 bits. A product with 2^128 or
 * more is reduced modulo 2^130 - 5: r times 2^128 is 5/4 of r. The words `s1` to `s3` are 5/4 of r1
 * to r3. They are exact, because r1 to r3 are multiples of 4.
 *
 * The state is in memory, at `POLY1305`, because `chacha20.ts` continues with it.
 */
import { copyRest, wipe } from './bytes';
import { BLOCK, POLY1305, TAG } from './memory';

/** The bit 2^128 that is added to each block, as a bit of the uppermost word. */
export const ONE: u64 = 1 << 32;
export const MASK34: u64 = 0x3ffffffff;

/** Begins with the one-time key of 32 bytes at `key`. */
export function begin(key: usize): void {
  wipe(POLY1305, 32);
  store<u64>(POLY1305, load<u32>(key) & 0x0fffffff, 32);
  store<u64>(POLY1305, load<u32>(key, 4) & 0x0ffffffc, 40);
  store<u64>(POLY1305, load<u32>(key, 8) & 0x0ffffffc, 48);
  store<u64>(POLY1305, load<u32>(key, 12) & 0x0ffffffc, 56);
  store<u64>(POLY1305, load<u64>(key, 16), 64);
  store<u64>(POLY1305, load<u64>(key, 24), 72);
}

/** Takes `length` bytes, and zeros up to the next multiple of 16: pad16 of RFC 8439 section 2.8. */
export function update(at: usize, length: i32): void {
  const end = at + (length & -16);
  absorb(at, end);
  const rest = length & 15;
  if (rest === 0) return;
  store<u64>(BLOCK, 0);
  store<u64>(BLOCK, 0, 8);
  copyRest(BLOCK, end, rest);
  absorb(BLOCK, BLOCK + 16);
}

/** Takes the last block of an AEAD: both lengths, 64 bits each. */
export function updateLengths(authLength: i32, length: i32): void {
  store<u64>(BLOCK, authLength);
  store<u64>(BLOCK, length, 8);
  absorb(BLOCK, BLOCK + 16);
}

/** Takes whole blocks of 16 bytes, from `at` to `end`. */
export function absorb(at: usize, end: usize): void {
  const r0 = load<u64>(POLY1305, 32), r1 = load<u64>(POLY1305, 40);
  const r2 = load<u64>(POLY1305, 48), r3 = load<u64>(POLY1305, 56);
  const s1 = r1 + (r1 >> 2), s2 = r2 + (r2 >> 2), s3 = r3 + (r3 >> 2);
  let h0 = load<u64>(POLY1305), h1 = load<u64>(POLY1305, 8), h2 = load<u64>(POLY1305, 16);
  let h3 = load<u64>(POLY1305, 24);
  for (; at < end; at += 16) {
    h0 += load<u32>(at);
    h1 += load<u32>(at, 4);
    h2 += load<u32>(at, 8);
    h3 += load<u32>(at, 12) + ONE;
    // h0 is the last result of the block before, so it is the last factor here. d0 comes first, because
    // all other sums wait for it.
    const d0 = h1 * s3 + h2 * s2 + h3 * s1 + h0 * r0;
    const d1 = h1 * r0 + h2 * s3 + h3 * s2 + h0 * r1 + (d0 >> 32);
    const d2 = h1 * r1 + h2 * r0 + h3 * s3 + h0 * r2 + (d1 >> 32);
    const d3 = h1 * r2 + h2 * r1 + h3 * r0 + h0 * r3 + (d2 >> 32);
    // 2^130 is 5 modulo 2^130 - 5, so the bits from 2^130 on are added five times. h0 may get a little larger
    // than 32 bits.
    h0 = <u64>(<u32>d0) + (d3 >> 34) * 5;
    h1 = <u64>(<u32>d1);
    h2 = <u64>(<u32>d2);
    h3 = d3 & MASK34;
  }
  store<u64>(POLY1305, h0);
  store<u64>(POLY1305, h1, 8);
  store<u64>(POLY1305, h2, 16);
  store<u64>(POLY1305, h3, 24);
}

/** Writes the tag to `TAG`, and wipes the key and the state. */
export function finish(): void {
  let h0 = load<u64>(POLY1305), h1 = load<u64>(POLY1305, 8), h2 = load<u64>(POLY1305, 16);
  let h3 = load<u64>(POLY1305, 24);
  // Each carry is added once. That is enough: after a carry from the top, the words below are
  // small.
  h1 += h0 >> 32;
  h0 = <u64>(<u32>h0);
  h2 += h1 >> 32;
  h1 = <u64>(<u32>h1);
  h3 += h2 >> 32;
  h2 = <u64>(<u32>h2);
  h0 += (h3 >> 34) * 5;
  h3 &= MASK34;
  // If h is p = 2^130 - 5 or more, subtracts p: h - p = h + 5 - 2^130.
  let carry = (h0 + 5) >> 32;
  carry = (h1 + carry) >> 32;
  carry = (h2 + carry) >> 32;
  h0 += ((h3 + carry) >> 34) * 5;
  // Adds the second half of the key, modulo 2^128.
  h0 += load<u32>(POLY1305, 64);
  h1 += load<u32>(POLY1305, 68) + (h0 >> 32);
  h2 += load<u32>(POLY1305, 72) + (h1 >> 32);
  h3 += load<u32>(POLY1305, 76) + (h2 >> 32);
  store<u32>(TAG, <u32>h0);
  store<u32>(TAG, <u32>h1, 4);
  store<u32>(TAG, <u32>h2, 8);
  store<u32>(TAG, <u32>h3, 12);
  wipe(POLY1305, 80);
  wipe(BLOCK, 16);
}
