/**
 * ChaCha20-Poly1305, RFC 8439 section 2.8. It encrypts and decrypts in place.
 *
 * In all functions, `key` is the address of 32 bytes, and `n0`, `n1` and `n2` are the nonce. `auth` is the
 * address of the additional authenticated data, and `authLength` its length.
 */
import { wipe, xorBytes } from './bytes';
import { ABSORBED, fourBlocks, twoBlocks } from './chacha20';
import { KEY, STREAM, STREAM_LENGTH, TAG } from './memory';
import { begin, finish, update, updateLengths } from './poly1305';

/**
 * How many bytes of the text blocks 1 to 3 of the key stream encrypt. Block 0 encrypts no text: it
 * begins with the one-time key.
 */
const FIRST: i32 = 192;

/** Encrypts the `length` bytes at `data`, and writes the tag of 16 bytes behind them. */
export function seal(
  key: usize, n0: u32, n1: u32, n2: u32, auth: usize, authLength: i32, data: usize, length: i32,
): void {
  beginStream(key, n0, n1, n2, length);
  begin(STREAM);
  if (authLength !== 0) update(auth, authLength);
  xorBytes(data, STREAM + 64, min(length, FIRST));
  // While ChaCha20 computes the key stream for one part of the text, Poly1305 takes the ciphertext
  // of the part before it.
  let absorbed = data;
  let at = data + FIRST;
  let counter: u32 = 4;
  let left = length - FIRST;
  for (; left >= 256; left -= 256, counter += 4) {
    fourBlocks(key, counter, n0, n1, n2, at, true, absorbed, at);
    absorbed = at;
    at += 256;
  }
  if (left > 0) {
    fourBlocks(key, counter, n0, n1, n2, STREAM, false, absorbed, at);
    absorbed = at;
    xorBytes(at, STREAM, left);
  }
  update(absorbed, <i32>(data + length - absorbed));
  updateLengths(authLength, length);
  finish();
  putTag(data + length);
  wipe(STREAM, 256);
}

/**
 * Writes the first blocks of the key stream to `STREAM`. Block 0 begins with the one-time key. Behind it are
 * the blocks for the first bytes of the text: one block, or three if the text is longer than 64 bytes.
 */
function beginStream(key: usize, n0: u32, n1: u32, n2: u32, length: i32): void {
  if (length <= 64) twoBlocks(key, n0, n1, n2, STREAM);
  else fourBlocks(key, 0, n0, n1, n2, STREAM, false, 0, 0);
}

/** Moves the computed tag from `TAG` to `to`. */
function putTag(to: usize): void {
  store<u64>(to, load<u64>(TAG));
  store<u64>(to, load<u64>(TAG, 8), 8);
  wipe(TAG, 16);
}

/**
 * If the tag behind the `length` bytes at `data` is right, decrypts these bytes and returns 1. If the tag is
 * wrong, returns 0 and changes nothing.
 */
export function open(
  key: usize, n0: u32, n1: u32, n2: u32, auth: usize, authLength: i32, data: usize, length: i32,
): i32 {
  beginStream(key, n0, n1, n2, length);
  begin(STREAM);
  if (authLength !== 0) update(auth, authLength);
  // The text must not change before its tag is checked. So the loop only stores the key stream at
  // `STREAM`, and the text is decrypted after the loop.
  const whole = data + (length & -16); // the end of the last whole block
  let absorbed = data;
  let streamed = FIRST;
  let counter: u32 = 4;
  for (; streamed < length && streamed + 256 + 64 <= STREAM_LENGTH; streamed += 256, counter += 4) {
    fourBlocks(key, counter, n0, n1, n2, STREAM + 64 + streamed, false, absorbed, whole);
    absorbed = min(absorbed + ABSORBED, whole);
  }
  update(absorbed, <i32>(data + length - absorbed));
  updateLengths(authLength, length);
  finish();
  const right = takeTag(data + length);
  if (right) {
    xorBytes(data, STREAM + 64, min(length, streamed));
    decryptRest(key, counter, n0, n1, n2, data + streamed, length - streamed);
  }
  wipe(STREAM, 64 + streamed);
  return right;
}

/**
 * The same as `open`, for a text of at most 256 bytes without additional data. The caller has
 * already computed block 0 of the key stream, which is at `first`. So this function computes only
 * blocks 1 to 4. While it computes these blocks, Poly1305 takes the ciphertext.
 */
export function openShort(
  key: usize, n1: u32, n2: u32, first: usize, data: usize, length: i32,
): i32 {
  begin(first);
  const whole = data + (length & -16); // the end of the last whole block
  fourBlocks(key, 1, 0, n1, n2, STREAM, false, data, whole);
  update(whole, length & 15);
  updateLengths(0, length);
  finish();
  const right = takeTag(data + length);
  if (right) xorBytes(data, STREAM, length);
  wipe(STREAM, 256);
  return right;
}

/** Returns 1 if the tag at `tag` is equal to the computed tag, else 0. Wipes the computed tag. */
function takeTag(tag: usize): i32 {
  const difference = (load<u64>(tag) ^ load<u64>(TAG)) | (load<u64>(tag, 8) ^ load<u64>(TAG, 8));
  wipe(TAG, 16);
  return difference === 0 ? 1 : 0;
}

/** Decrypts the end of a text that is longer than the key stream at `STREAM`. */
function decryptRest(
  key: usize, counter: u32, n0: u32, n1: u32, n2: u32, at: usize, left: i32,
): void {
  for (; left >= 256; left -= 256, at += 256, counter += 4) {
    fourBlocks(key, counter, n0, n1, n2, at, true, 0, 0);
  }
  if (left <= 0) return;
  fourBlocks(key, counter, n0, n1, n2, STREAM, false, 0, 0);
  xorBytes(at, STREAM, left);
}

/**
 * Computes HChaCha20 (draft-irtf-cfrg-xchacha-03, section 2.2) of the key at `KEY` and a nonce of four
 * words. The result, 32 bytes, overwrites the key.
 */
export function deriveSubkey(w0: u32, w1: u32, w2: u32, w3: u32): void {
  // HChaCha20 is the block function of ChaCha20 without the addition at its end. So this code calls
  // the block function, and subtracts the added words from its result.
  fourBlocks(KEY, w0, w1, w2, w3, STREAM, false, 0, 0);
  store<u32>(KEY, load<u32>(STREAM) - 0x61707865);
  store<u32>(KEY, load<u32>(STREAM, 4) - 0x3320646e, 4);
  store<u32>(KEY, load<u32>(STREAM, 8) - 0x79622d32, 8);
  store<u32>(KEY, load<u32>(STREAM, 12) - 0x6b206574, 12);
  store<u32>(KEY, load<u32>(STREAM, 48) - w0, 16);
  store<u32>(KEY, load<u32>(STREAM, 52) - w1, 20);
  store<u32>(KEY, load<u32>(STREAM, 56) - w2, 24);
  store<u32>(KEY, load<u32>(STREAM, 60) - w3, 28);
  wipe(STREAM, 256);
}
