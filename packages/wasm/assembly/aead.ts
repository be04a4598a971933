/**
 * ChaCha20-Poly1305, RFC 8439 section 2.8, in place.
 */
import { wipe, xorBytes } from './bytes';
import { ABSORBED, fourBlocks, twoBlocks } from './chacha20';
import { KEY, STREAM, STREAM_LENGTH, TAG } from './memory';
import { begin, finish, update, updateLengths } from './poly1305';

/** What blocks 1 to 3 are enough for. */
const FIRST: i32 = 192;

/** Encrypts `length` bytes at `data`, and writes the tag of 16 bytes behind them. */
export function seal(
  key: usize, n0: u32, n1: u32, n2: u32, auth: usize, authLength: i32, data: usize, length: i32,
): void {
  beginStream(key, n0, n1, n2, length);
  begin(STREAM);
  if (authLength !== 0) update(auth, authLength);
  xorBytes(data, STREAM + 64, min(length, FIRST));
  // What is ciphertext by now is absorbed while the next is made.
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

/** Block 0, which is the one-time key, with block 1 or blocks 1 to 3, by which the text begins. */
function beginStream(key: usize, n0: u32, n1: u32, n2: u32, length: i32): void {
  if (length <= 64) twoBlocks(key, n0, n1, n2, STREAM);
  else fourBlocks(key, 0, n0, n1, n2, STREAM, false, 0, 0);
}

/** Moves the tag that was computed. */
function putTag(to: usize): void {
  store<u64>(to, load<u64>(TAG));
  store<u64>(to, load<u64>(TAG, 8), 8);
  wipe(TAG, 16);
}

/** Decrypts if the tag behind the text is right; otherwise returns 0 and changes nothing. */
export function open(
  key: usize, n0: u32, n1: u32, n2: u32, auth: usize, authLength: i32, data: usize, length: i32,
): i32 {
  beginStream(key, n0, n1, n2, length);
  begin(STREAM);
  if (authLength !== 0) update(auth, authLength);
  // The stream waits in memory of ours until the tag is known to be right.
  const whole = data + (length & -16);
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

/** Whether the tag at `tag` is the one that was computed, which is wiped. */
function takeTag(tag: usize): i32 {
  const difference = (load<u64>(tag) ^ load<u64>(TAG)) | (load<u64>(tag, 8) ^ load<u64>(TAG, 8));
  wipe(TAG, 16);
  return difference === 0 ? 1 : 0;
}

/** What is longer than the stream that waits. */
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
 * HChaCha20 (draft-irtf-cfrg-xchacha-03, section 2.2) of the key at `KEY` and 16 bytes in four
 * words: 32 bytes, to `KEY`.
 */
export function deriveSubkey(w0: u32, w1: u32, w2: u32, w3: u32): void {
  // It is the block function without its last step, an addition, which is taken back.
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
