/**
 * Copying bytes while their one's complement sum is made (RFC 1071).
 */

/** @returns the folded sum in network order; an odd last byte counts as if a zero followed */
export function copyAndSum(to: usize, from: usize, length: i32): u32 {
  let sum: u64 = 0;
  let left = length;
  if (ASC_FEATURE_SIMD) {
    // At most 65535 bytes: a lane gets 4096 sums of two 16-bit words, which fits into its 32 bits.
    let a = i32x4.splat(0), b = i32x4.splat(0);
    for (; left >= 64; left -= 64, from += 64, to += 64) {
      const v0 = v128.load(from), v1 = v128.load(from, 16), v2 = v128.load(from, 32), v3 = v128.load(from, 48);
      v128.store(to, v0); v128.store(to, v1, 16); v128.store(to, v2, 32); v128.store(to, v3, 48);
      a = i32x4.add(a, i32x4.add(i32x4.extadd_pairwise_i16x8_u(v0), i32x4.extadd_pairwise_i16x8_u(v1)));
      b = i32x4.add(b, i32x4.add(i32x4.extadd_pairwise_i16x8_u(v2), i32x4.extadd_pairwise_i16x8_u(v3)));
    }
    for (; left >= 16; left -= 16, from += 16, to += 16) {
      const v = v128.load(from);
      v128.store(to, v);
      a = i32x4.add(a, i32x4.extadd_pairwise_i16x8_u(v));
    }
    a = i32x4.add(a, b);
    sum = <u64><u32>i32x4.extract_lane(a, 0) + <u64><u32>i32x4.extract_lane(a, 1)
      + <u64><u32>i32x4.extract_lane(a, 2) + <u64><u32>i32x4.extract_lane(a, 3);
  }
  for (; left >= 4; left -= 4, from += 4, to += 4) {
    const word = load<u32>(from);
    store<u32>(to, word);
    sum += word;
  }
  if (left >= 2) {
    const word = load<u16>(from);
    store<u16>(to, word);
    sum += word;
    left -= 2; from += 2; to += 2;
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
  // Summed in the order of the machine, which is little-endian.
  return <u32>(((sum & 0xff) << 8) | (sum >> 8));
}
