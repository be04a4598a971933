/**
 * `createRandomBytes`: random bytes of the system, which are read in blocks of 4096 bytes.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';

/**
 * Returns a function that fills `out` with random bytes. Bytes that were returned are wiped from
 * the block.
 */
export function createRandomBytes(): (out: Uint8Array) => void {
  const block = new Uint8Array(BLOCK_LENGTH);
  let used = BLOCK_LENGTH;
  return (out) => {
    if (out.length > BLOCK_LENGTH) {
      randomFillSync(out);
      return;
    }
    if (used + out.length > BLOCK_LENGTH) {
      randomFillSync(block);
      used = 0;
    }
    out.set(block.subarray(used, used + out.length));
    // These bytes may be an ephemeral key.
    block.fill(0, used, used + out.length);
    used += out.length;
  };
}

const BLOCK_LENGTH = 4096;
