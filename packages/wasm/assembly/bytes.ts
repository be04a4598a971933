/**
 * Exclusive or, copies and zeros for a few bytes. `memory.copy` and `memory.fill` call a function of the
 * JavaScript engine. For a few bytes, this call takes longer than these loops.
 */

/** Adds (exclusive or) the `length` bytes at `stream` to the bytes at `to`. */
export function xorBytes(to: usize, stream: usize, length: i32): void {
  let left = length;
  if (ASC_FEATURE_SIMD) {
    for (; left >= 16; left -= 16, to += 16, stream += 16) {
      v128.store(to, v128.xor(v128.load(to), v128.load(stream)));
    }
  }
  for (; left >= 8; left -= 8, to += 8, stream += 8) {
    store<u64>(to, load<u64>(to) ^ load<u64>(stream));
  }
  for (; left > 0; left--, to++, stream++) store<u8>(to, load<u8>(to) ^ load<u8>(stream));
}

/** Copies at most 15 bytes. */
export function copyRest(to: usize, from: usize, length: i32): void {
  if ((length & 8) !== 0) {
    store<u64>(to, load<u64>(from));
    to += 8;
    from += 8;
  }
  if ((length & 4) !== 0) {
    store<u32>(to, load<u32>(from));
    to += 4;
    from += 4;
  }
  if ((length & 2) !== 0) {
    store<u16>(to, load<u16>(from));
    to += 2;
    from += 2;
  }
  if ((length & 1) !== 0) store<u8>(to, load<u8>(from));
}

/** Writes `length` zeros at `to`, and up to 15 more, because it writes 16 bytes at a time. */
export function wipe(to: usize, length: i32): void {
  for (let end = to + length; to < end; to += 16) {
    if (ASC_FEATURE_SIMD) {
      v128.store(to, i32x4.splat(0));
    } else {
      store<u64>(to, 0);
      store<u64>(to, 0, 8);
    }
  }
}
