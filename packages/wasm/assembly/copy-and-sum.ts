/**
 * Copies bytes and adds up their Internet checksum (RFC 1071) in one pass, instead of two.
 */

/**
 * Copies `length` bytes, at most 65535. Source and destination must not overlap.
 *
 * @returns the sum, folded to 16 bits, in network order, before the complement. A zero is added behind an
 *   odd last byte.
 */
export function copyAndSum(to: usize, from: usize, length: i32): u32 {
  let sum: u64 = 0;
  let left = length;
  if (ASC_FEATURE_SIMD) {
    // 65535 bytes are at most 32768 words of 16 bits, so each of the four lanes adds up at most 8192
    // words. Their sum fits into 32 bits.
    let a = i32x4.splat(0);
    let b = i32x4.splat(0);
    for (; left >= 64; left -= 64, from += 64, to += 64) {
      const v0 = v128.load(from);
      const v1 = v128.load(from, 16);
      const v2 = v128.load(from, 32);
      const v3 = v128.load(from, 48);
      v128.store(to, v0);
      v128.store(to, v1, 16);
      v128.store(to, v2, 32);
      v128.store(to, v3, 48);
      a = i32x4.add(a, i32x4.add(pairs(v0), pairs(v1)));
      b = i32x4.add(b, i32x4.add(pairs(v2), pairs(v3)));
    }
    for (; left >= 16; left -= 16, from += 16, to += 16) {
      const v = v128.load(from);
      v128.store(to, v);
      a = i32x4.add(a, pairs(v));
    }
    a = i32x4.add(a, b);
    sum = <u64>(<u32>i32x4.extract_lane(a, 0)) + <u64>(<u32>i32x4.extract_lane(a, 1));
    sum += <u64>(<u32>i32x4.extract_lane(a, 2)) + <u64>(<u32>i32x4.extract_lane(a, 3));
  }
  for (; left >= 8; left -= 8, from += 8, to += 8) {
    const words = load<u64>(from);
    store<u64>(to, words);
    sum += (words & 0xffffffff) + (words >> 32);
  }
  for (; left >= 2; left -= 2, from += 2, to += 2) {
    const word = load<u16>(from);
    store<u16>(to, word);
    sum += word;
  }
  if (left !== 0) {
    const byte = load<u8>(from);
    store<u8>(to, byte);
    sum += byte;
  }
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  // The words were added as little-endian numbers. RFC 1071 (section 2 B) allows swapping the bytes of the
  // sum instead.
  return <u32>(((sum & 0xff) << 8) | (sum >> 8));
}

/** Adds neighbouring words of 16 bits, and returns the four sums of 32 bits. */
// @ts-ignore: decorator
@inline
function pairs(v: v128): v128 {
  return i32x4.extadd_pairwise_i16x8_u(v);
}
