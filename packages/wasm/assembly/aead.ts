/**
 * ChaCha20-Poly1305, RFC 8439 section 2.8, in place, with the key at `KEY`.
 */
import { addStream, writeStream } from './chacha20';
import { HASH, STREAM, TAG } from './memory';
import * as poly1305 from './poly1305';

/** Blocks 1 to 3 come with block 0, which is the one-time key. */
const FIRST: i32 = 192;

/** Encrypts `length` bytes at `data`, and writes the tag of 16 bytes behind them. */
export function seal(n0: u32, n1: u32, n2: u32, auth: usize, authLength: i32, data: usize, length: i32): void {
  writeStream(0, n0, n1, n2, STREAM);
  poly1305.begin(STREAM);
  crypt(n0, n1, n2, data, length);
  authenticate(auth, authLength, data, length);
  memory.copy(data + length, TAG, 16);
  wipe();
}

/** Decrypts if the tag behind the text is right; otherwise returns 0 and changes nothing. */
export function open(n0: u32, n1: u32, n2: u32, auth: usize, authLength: i32, data: usize, length: i32): i32 {
  writeStream(0, n0, n1, n2, STREAM);
  poly1305.begin(STREAM);
  authenticate(auth, authLength, data, length);
  const tag = data + length;
  const difference = (load<u64>(tag) ^ load<u64>(TAG)) | (load<u64>(tag, 8) ^ load<u64>(TAG, 8));
  if (difference === 0) crypt(n0, n1, n2, data, length);
  wipe();
  return difference === 0 ? 1 : 0;
}

function authenticate(auth: usize, authLength: i32, data: usize, length: i32): void {
  if (authLength !== 0) poly1305.update(auth, authLength);
  poly1305.update(data, length);
  poly1305.updateLengths(authLength, length);
  poly1305.finish();
}

/** Blocks 1 to 3 are in `STREAM` already. */
function crypt(n0: u32, n1: u32, n2: u32, data: usize, length: i32): void {
  xorBytes(data, STREAM + 64, min(length, FIRST));
  let counter: u32 = 4;
  let at = data + FIRST;
  const end = data + length;
  for (; at + 256 <= end; at += 256, counter += 4) addStream(counter, n0, n1, n2, at);
  if (at >= end) return;
  writeStream(counter, n0, n1, n2, STREAM);
  xorBytes(at, STREAM, <i32>(end - at));
}

function xorBytes(to: usize, stream: usize, length: i32): void {
  let i = 0;
  if (ASC_FEATURE_SIMD) {
    for (; i + 16 <= length; i += 16) v128.store(to + i, v128.xor(v128.load(to + i), v128.load(stream + i)));
  }
  for (; i + 8 <= length; i += 8) store<u64>(to + i, load<u64>(to + i) ^ load<u64>(stream + i));
  for (; i < length; i++) store<u8>(to + i, load<u8>(to + i) ^ load<u8>(stream + i));
}

/** Key stream, powers, the last block and the tag. */
function wipe(): void {
  memory.fill(STREAM, 0, HASH - STREAM);
}
