/**
 * Kdf1, Kdf2 and Kdf3 of the WireGuard paper, section 5.4: HKDF over HMAC-BLAKE2s (RFC 2104). All keys have
 * 32 bytes. The two blocks that HMAC makes from a key are hashed once per key, not once per result.
 */
import { beginHash, compress, finishHash } from './blake2s';
import { wipe } from './bytes';
import { HASH, HASHED, INNER, LAST_BLOCK, OUTER, WINDOW } from './memory';

/**
 * Computes Kdf1, Kdf2 or Kdf3, as `count` says. At `WINDOW` are the key, 32 bytes, and then the input,
 * `length` bytes (0 to 32). The results, `count` times 32 bytes, overwrite the key and the input.
 */
export function deriveKeys(length: i32, count: i32): void {
  beginHmac(WINDOW, length === 0);
  finishHmac(WINDOW + 32, length);
  wipe(WINDOW, 64);
  beginHmac(HASH, false);
  // The input of a result is the previous result, if there is one, and one byte with the number of the new
  // result (1 to 3). The new result is written behind the previous result, and overwrites this byte.
  store<u8>(WINDOW, 1);
  finishHmac(WINDOW, 1);
  copy32(WINDOW, HASH);
  for (let i = 1, at = WINDOW; i < count; i++, at += 32) {
    store<u8>(at, i + 1, 32);
    finishHmac(at, 33);
    copy32(at + 32, HASH);
  }
  wipe(HASH, 32);
  wipe(INNER, 64);
}

/**
 * Hashes the block key ^ ipad, and writes the state of the hash to `INNER`. Hashes the block key ^ opad, and
 * writes that state to `OUTER`.
 *
 * @param isOver whether the input of the HMAC is empty; the block of the key is then the last block
 *   of the inner hash
 */
function beginHmac(key: usize, isOver: bool): void {
  for (let i: usize = 0; i < 32; i += 8) {
    store<u64>(LAST_BLOCK + i, load<u64>(key + i) ^ 0x3636363636363636);
    store<u64>(LAST_BLOCK + i, 0x3636363636363636, 32);
  }
  hashBlock(INNER, isOver ? 0xffffffff : 0);
  for (let i: usize = 0; i < 64; i += 8) {
    store<u64>(LAST_BLOCK + i, load<u64>(LAST_BLOCK + i) ^ 0x6a6a6a6a6a6a6a6a);
  }
  hashBlock(OUTER, 0);
  wipe(LAST_BLOCK, 64);
}

function hashBlock(to: usize, last: u32): void {
  beginHash(32, 0);
  store<u64>(HASHED, 64);
  compress(LAST_BLOCK, last);
  copy32(to, HASH);
}

/** Computes the HMAC of `length` bytes with the key of the last `beginHmac`, and writes it to `HASH`. */
function finishHmac(at: usize, length: i32): void {
  copy32(HASH, INNER);
  store<u64>(HASHED, 64);
  if (length !== 0) finishHash(at, length);
  copy32(LAST_BLOCK, HASH);
  copy32(HASH, OUTER);
  store<u64>(HASHED, 96);
  compress(LAST_BLOCK, 0xffffffff);
  store<u64>(HASHED, 0);
  wipe(LAST_BLOCK, 32);
}

function copy32(to: usize, from: usize): void {
  for (let i: usize = 0; i < 32; i += 8) store<u64>(to + i, load<u64>(from + i));
}
